// Splits a query string into raw pairs.
#include "bridge/query.hpp"

#include <algorithm>
#include <ranges>
#include <string>

#include "routing/percent.hpp"

namespace data_bridge::bridge {

Query::Query(std::string_view text) {
  if (text.empty()) return;
  pairs_.reserve(static_cast<std::size_t>(std::ranges::count(text, '&')) + 1);
  while (true) {
    const std::size_t end = text.find('&');
    const std::string_view piece = text.substr(0, end);
    if (!piece.empty()) {
      const std::size_t equals = piece.find('=');
      const bool has_value = equals != std::string_view::npos;
      pairs_.push_back({piece.substr(0, equals), has_value ? piece.substr(equals + 1) : std::string_view()});
    }
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::string_view> Query::last(std::string_view name) const {
  for (const Pair& pair : pairs_ | std::views::reverse) {
    if (same_name(pair.name, name)) return pair.value;
  }
  return std::nullopt;
}

std::vector<std::string_view> Query::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Pair& pair : pairs_) {
    if (same_name(pair.name, name)) values.push_back(pair.value);
  }
  return values;
}

bool Query::same_name(std::string_view raw, std::string_view name) {
  if (raw == name) return raw.find_first_of("%+") == std::string_view::npos;
  if (raw.find_first_of("%+") == std::string_view::npos) return false;
  std::string decoded;
  routing::append_unescaped(decoded, routing::plus_to_space(raw));
  return decoded == name;
}

}  // namespace data_bridge::bridge
