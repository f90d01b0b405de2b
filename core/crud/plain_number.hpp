// Numbers in their most frequent spelling.
#pragma once

#include <algorithm>
#include <charconv>
#include <string_view>

#include "text/characters.hpp"

namespace data_bridge::crud {

/// False for everything but up to 18 digits without a leading zero: other spellings are for a model to read.
template <typename Number>
bool read_plain(std::string_view text, Number& number) noexcept {
  const bool plain = !text.empty() && text.size() <= 18 && (text.front() != '0' || text.size() == 1) &&
                     std::ranges::all_of(text, text::is_digit);
  return plain && std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc();
}

}  // namespace data_bridge::crud
