// The query of a URL as urllib.parse.parse_qsl(query, keep_blank_values=True) reads it, which is Starlette's reading.
#include "text/query_string.hpp"

#include <algorithm>
#include <cstddef>
#include <ranges>

#include "text/characters.hpp"
#include "text/percent.hpp"
#include "text/utf8.hpp"

namespace data_bridge::text {
namespace {

/// Neither a space in disguise nor an escape nor Latin-1: the text stands for itself.
bool is_plain(std::string_view raw) noexcept {
  return std::ranges::all_of(raw, [](char c) { return c != '+' && c != '%' && is_ascii(c); });
}

bool is_named(const QueryParameter& parameter, std::string_view name) {
  return is_plain(parameter.raw_name) ? parameter.raw_name == name : parameter.name() == name;
}

}  // namespace

std::string decode_query_text(std::string_view raw) {
  if (is_plain(raw)) return std::string(raw);
  std::string spaced(raw);
  std::ranges::replace(spaced, '+', ' ');
  if (std::ranges::all_of(spaced, is_ascii)) return decode_path(spaced);

  // unquote() decodes each run of ASCII for itself: no escape joins a byte that came as it is.
  std::string decoded;
  for (auto at = spaced.begin(); at != spaced.end();) {
    const auto end = std::find_if_not(at, spaced.end(), is_ascii);
    decoded += decode_path({at, end});
    for (at = end; at != spaced.end() && !is_ascii(*at); ++at) {
      append_code_point(decoded, static_cast<unsigned char>(*at));
    }
  }
  return decoded;
}

QueryString::QueryString(std::string_view query) {
  if (query.empty()) return;
  parameters_.reserve(static_cast<std::size_t>(std::ranges::count(query, '&')) + 1);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view raw = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (raw.empty()) continue;
    const std::size_t equals = std::min(raw.find('='), raw.size());
    parameters_.push_back(
        {.raw = raw, .raw_name = raw.substr(0, equals), .raw_value = raw.substr(std::min(equals + 1, raw.size()))});
  }
}

std::optional<std::string_view> QueryString::last(std::string_view name) const {
  for (const QueryParameter& parameter : parameters_ | std::views::reverse) {
    if (is_named(parameter, name)) return parameter.raw_value;
  }
  return std::nullopt;
}

std::vector<std::string_view> QueryString::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const QueryParameter& parameter : parameters_) {
    if (is_named(parameter, name)) values.push_back(parameter.raw_value);
  }
  return values;
}

}  // namespace data_bridge::text
