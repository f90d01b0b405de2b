// ASCII: classes of characters, hexadecimal digits, comparison without case. Nothing here asks the locale.
#pragma once

#include <cstddef>
#include <string_view>

namespace data_bridge::text {

[[nodiscard]] constexpr bool is_ascii(char c) noexcept { return static_cast<unsigned char>(c) < 0x80; }

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

[[nodiscard]] constexpr bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }

[[nodiscard]] constexpr bool has_upper(std::string_view text) noexcept {
  for (const char c : text) {
    if (is_upper(c)) return true;
  }
  return false;
}

[[nodiscard]] constexpr char to_lower(char c) noexcept { return is_upper(c) ? static_cast<char>(c | 0x20) : c; }

[[nodiscard]] constexpr bool is_letter(char c) noexcept {
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'z';
}

inline constexpr std::string_view kHexDigits = "0123456789abcdef";
inline constexpr std::string_view kUpperHexDigits = "0123456789ABCDEF";

/// What a hexadecimal digit of either case stands for; -1 where `c` is none.
[[nodiscard]] constexpr int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

[[nodiscard]] constexpr bool is_hex_digit(char c) noexcept { return hex_value(c) >= 0; }

/// `lower` must be lower case.
[[nodiscard]] constexpr bool equals_lower(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (to_lower(text[i]) != lower[i]) return false;
  }
  return true;
}

[[nodiscard]] constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

/// Without what `is_blank` is true for at both ends.
template <typename Predicate>
[[nodiscard]] constexpr std::string_view trim(std::string_view text, Predicate is_blank) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Without spaces and tabs at both ends. They are compared one by one: every field of a request passes here, and a
/// search in a set of characters would be a call of memchr() for each.
[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
  return trim(text, [](char c) { return c == ' ' || c == '\t'; });
}

}  // namespace data_bridge::text
