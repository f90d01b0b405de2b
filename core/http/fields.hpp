// What the fields of requests and of answers have in common.
#pragma once

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

}  // namespace data_bridge::http
