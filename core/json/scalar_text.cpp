// JSON text of strings and numbers, as Pydantic and as Python's json.dumps write it.
#include "json/scalar_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace data_bridge::json {

namespace {

// 0: as it is; 'u': \u00XX; else the letter behind the backslash. serde_json and CPython escape the
// same bytes: neither touches 0x7f, '/', U+2028 or anything beyond ASCII.
constexpr std::array<char, 256> make_escapes() {
  std::array<char, 256> table{};
  for (std::size_t i = 0; i < 0x20; ++i) {
    table[i] = 'u';
  }
  table['\b'] = 'b';
  table['\t'] = 't';
  table['\n'] = 'n';
  table['\f'] = 'f';
  table['\r'] = 'r';
  table['"'] = '"';
  table['\\'] = '\\';
  return table;
}
constexpr std::array<char, 256> kEscapes = make_escapes();

constexpr std::uint64_t repeat(std::uint8_t byte) { return 0x0101010101010101ULL * byte; }

// Non-zero where one of eight bytes needs an escape (exact zero-byte tests, Hacker's Delight 6-1; a
// false alarm only leads to the byte-wise loop).
std::uint64_t needs_escape(std::uint64_t word) noexcept {
  const std::uint64_t quote = word ^ repeat('"');
  const std::uint64_t backslash = word ^ repeat('\\');
  const std::uint64_t control = (word - repeat(0x20)) & ~word;
  return (((quote - repeat(1)) & ~quote) | ((backslash - repeat(1)) & ~backslash) | control) & repeat(0x80);
}

// Moves bytes of the width of Word while none of them needs an escape.
template <typename Word>
bool move_plain(char*& to, const char*& from) noexcept {
  Word word = 0;
  std::memcpy(&word, from, sizeof word);
  // The bytes that are missing from a narrower word are letters.
  constexpr std::uint64_t kRest = sizeof word == 8 ? 0 : repeat('a') << (8 * sizeof word % 64);
  if (needs_escape(word | kRest) != 0) return false;
  std::memcpy(to, &word, sizeof word);
  to += sizeof word;
  from += sizeof word;
  return true;
}

char* write_byte(char* to, char c) noexcept {
  static constexpr char kHex[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  const char escape = kEscapes[byte];
  if (escape == 0) {
    *to++ = c;
    return to;
  }
  *to++ = '\\';
  *to++ = escape;
  if (escape == 'u') {
    *to++ = '0';
    *to++ = '0';
    *to++ = kHex[byte >> 4];
    *to++ = kHex[byte & 15];
  }
  return to;
}

char* write_zeros(char* to, int count) noexcept {
  for (; count > 0; --count) *to++ = '0';
  return to;
}

// The shortest digits that read back as the same double, and the place of the decimal point:
// value = 0.DIGITS * 10^point.
struct Digits {
  std::array<char, 24> text{};
  int count = 0;
  int point = 0;
  bool negative = false;
};

Digits shortest(double value) {
  Digits digits;
  digits.negative = std::signbit(value);
  std::array<char, 32> buffer{};
  const auto [end, ec] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(value), std::chars_format::scientific);
  const char* cursor = buffer.data();
  for (; cursor != end && *cursor != 'e'; ++cursor) {
    if (*cursor != '.') {
      digits.text[static_cast<std::size_t>(digits.count++)] = *cursor;
    }
  }
  int exponent = 0;
  cursor += cursor[1] == '+' ? 2 : 1;  // from_chars takes '-', not '+'
  std::from_chars(cursor, end, exponent);
  digits.point = exponent + 1;
  return digits;
}

}  // namespace

char* write_escaped(char* to, std::string_view text) noexcept {
  const char* from = text.data();
  const char* const end = from + text.size();
  while (end - from >= 8) {
    if (move_plain<std::uint64_t>(to, from)) continue;
    for (int i = 0; i < 8; ++i) to = write_byte(to, *from++);
  }
  if (end - from >= 4 && !move_plain<std::uint32_t>(to, from)) {
    for (int i = 0; i < 4; ++i) to = write_byte(to, *from++);
  }
  while (from != end) to = write_byte(to, *from++);
  return to;
}

char* write_int(char* to, std::int64_t value) noexcept { return std::to_chars(to, to + kIntBound, value).ptr; }

char* write_double(char* to, double value, FloatStyle style) noexcept {
  const Digits digits = shortest(value);
  const std::string_view text(digits.text.data(), static_cast<std::size_t>(digits.count));
  // Plain notation: repr() for 1e-4 <= x < 1e16, Pydantic (Rust's ryu layout) for 1e-5 <= x < 1e16.
  const int lowest = style == FloatStyle::kPython ? -4 : -5;
  if (digits.negative) *to++ = '-';
  if (digits.point > lowest && digits.point <= 16) {
    if (digits.point <= 0) return write_text(write_zeros(write_text(to, "0."), -digits.point), text);
    if (digits.count <= digits.point) {
      return write_text(write_zeros(write_text(to, text), digits.point - digits.count), ".0");
    }
    const auto point = static_cast<std::size_t>(digits.point);
    to = write_text(to, text.substr(0, point));
    *to++ = '.';
    return write_text(to, text.substr(point));
  }
  *to++ = text[0];
  if (text.size() > 1) {
    *to++ = '.';
    to = write_text(to, text.substr(1));
  }
  const int exponent = digits.point - 1;
  *to++ = 'e';
  *to++ = exponent < 0 ? '-' : '+';
  const int magnitude = std::abs(exponent);
  if (style == FloatStyle::kPython && magnitude < 10) *to++ = '0';
  return std::to_chars(to, to + 3, magnitude).ptr;
}

}  // namespace data_bridge::json
