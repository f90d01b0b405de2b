// What the fields of requests and of answers have in common.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "http/request.hpp"
#include "text/characters.hpp"

namespace data_bridge::http {

/// The value of the first with this name, compared without case (RFC 9110, 5.1); nullopt where there is none.
[[nodiscard]] inline std::optional<std::string_view> find_field(std::span<const Header> fields,
                                                                std::string_view name) noexcept {
  for (const Header& field : fields) {
    if (text::equals_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

/// Takes the first element off a list that commas separate (RFC 9110, 5.6.1); it may be empty.
[[nodiscard]] inline std::string_view next_element(std::string_view& list) noexcept {
  const std::size_t comma = list.find(',');
  const std::string_view element = text::trim(list.substr(0, comma));
  list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  return element;
}

/// Whether `element`, in lower case, is among those of such a list, compared without case.
[[nodiscard]] inline bool has_element(std::string_view list, std::string_view element) noexcept {
  while (!list.empty()) {
    if (text::equals_lower(next_element(list), element)) return true;
  }
  return false;
}

/// What frames or routes a message, says how to take it, or belongs to the connection (RFC 9110, 6.5.1): in a trailer
/// it would come too late, whoever sends it.
[[nodiscard]] inline bool belongs_in_head(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 16> kNames{"authorization",
                                                           "cache-control",
                                                           "connection",
                                                           "content-encoding",
                                                           "content-length",
                                                           "content-range",
                                                           "content-type",
                                                           "expect",
                                                           "host",
                                                           "keep-alive",
                                                           "max-forwards",
                                                           "set-cookie",
                                                           "te",
                                                           "trailer",
                                                           "transfer-encoding",
                                                           "upgrade"};
  return std::ranges::any_of(kNames, [name](std::string_view one) { return text::equals_lower(name, one); });
}

}  // namespace data_bridge::http
