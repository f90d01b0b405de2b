// Text of which every byte is a character, U+0000 to U+00FF: what Python makes of header fields.
#pragma once

#include <string>
#include <string_view>

#include "text/characters.hpp"
#include "text/utf8.hpp"

namespace data_bridge::text {

/// str.isspace() of that character.
[[nodiscard]] constexpr bool is_latin1_space(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x09 && byte <= 0x0d) || (byte >= 0x1c && byte <= 0x20) || byte == 0x85 || byte == 0xa0;
}

/// str.lower() of that character.
[[nodiscard]] constexpr char latin1_lower(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  const bool accented = byte >= 0xc0 && byte <= 0xde && byte != 0xd7;
  return accented ? static_cast<char>(byte | 0x20) : to_lower(c);
}

/// str.strip().
[[nodiscard]] constexpr std::string_view latin1_strip(std::string_view text) noexcept {
  return trim(text, is_latin1_space);
}

/// str.lower().
[[nodiscard]] inline std::string latin1_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = latin1_lower(c);
  return lower;
}

/// bytes.decode("latin-1").
[[nodiscard]] inline std::string decode_latin1(std::string_view bytes) {
  std::string decoded;
  decoded.reserve(bytes.size());
  for (const char byte : bytes) append_code_point(decoded, static_cast<unsigned char>(byte));
  return decoded;
}

}  // namespace data_bridge::text
