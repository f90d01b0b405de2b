// Character classes of RFC 9110 and 9112, beside those of ASCII.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "text/characters.hpp"

namespace data_bridge::http {

using CharacterClass = std::array<bool, 256>;

/// tchar (RFC 9110, 5.6.2)
inline constexpr CharacterClass kTokenCharacters = [] {
  CharacterClass table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    table[c] = text::is_digit(static_cast<char>(c)) || text::is_letter(static_cast<char>(c));
  }
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<std::size_t>(c)] = true;
  return table;
}();

/// What a request target may hold: visible ASCII but '#' (a fragment is never sent) and '\' (which some
/// peers read as '/'). Wider than RFC 3986, since browsers send '|', '{' and '"' unescaped.
inline constexpr CharacterClass kTargetCharacters = [] {
  CharacterClass table{};
  for (std::size_t c = 0x21; c <= 0x7e; ++c) table[c] = c != '#' && c != '\\';
  return table;
}();

/// reg-name (RFC 3986, 3.2.2) without ',': a Host with one is a list to some.
inline constexpr CharacterClass kRegNameCharacters = [] {
  CharacterClass table = kTokenCharacters;
  for (const char c : std::string_view("#^`|")) table[static_cast<std::size_t>(c)] = false;
  for (const char c : std::string_view("();=")) table[static_cast<std::size_t>(c)] = true;
  return table;
}();

[[nodiscard]] constexpr bool is(const CharacterClass& table, char c) noexcept {
  return table[static_cast<unsigned char>(c)];
}

/// The first control character but HTAB at or after `from`; `end` where there is none. Bytes above 0x7f are
/// legal in a field value (obs-text).
[[nodiscard]] inline const char* find_control(const char* from, const char* end) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  constexpr std::uint64_t kHigh = 0x8080808080808080U;
  while (end - from >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, 8);
    // Marks bytes below 0x20 and bytes equal to 0x7f. A borrow can mark a wrong byte, but only above a
    // right one, and the lowest is taken.
    const std::uint64_t below = (word - 0x20 * kOnes) & ~word;
    const std::uint64_t difference = word ^ (0x7f * kOnes);
    const std::uint64_t marks = (below | ((difference - kOnes) & ~difference)) & kHigh;
    if (marks == 0) {
      from += 8;
      continue;
    }
    static_assert(std::endian::native == std::endian::little);
    from += std::countr_zero(marks) / 8;
    if (*from != '\t') return from;
    ++from;
  }
  for (; from != end; ++from) {
    const auto c = static_cast<unsigned char>(*from);
    if ((c < 0x20 && c != '\t') || c == 0x7f) return from;
  }
  return end;
}

/// True where a field value may not be sent or taken.
[[nodiscard]] inline bool has_control(std::string_view text) noexcept {
  const char* const end = text.data() + text.size();
  return find_control(text.data(), end) != end;
}

}  // namespace data_bridge::http
