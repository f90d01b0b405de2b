// JSON text of strings and numbers, as Pydantic and as Python's json.dumps write it.
#include "json/scalar_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "text/characters.hpp"

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

template <typename Word>
Word load(const char* from) noexcept {
  Word word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// Copies the last `rest` bytes before `end` where no byte of the word that ends there needs an escape: the word is
// written over the bytes before them, which stand in the output as they are. At least a whole word lies before `end`.
bool copy_plain_end(char* to, const char* end, std::size_t rest) noexcept {
  const auto word = load<std::uint64_t>(end - sizeof(std::uint64_t));
  if (needs_escape(word) != 0) return false;
  std::memcpy(to + rest - sizeof word, &word, sizeof word);
  return true;
}

// Copies 4 to 7 bytes, as two words that overlap, where none of them needs an escape.
bool copy_plain_short(char* to, const char* from, std::size_t size) noexcept {
  const auto head = load<std::uint32_t>(from);
  const auto tail = load<std::uint32_t>(from + size - sizeof head);
  if (needs_escape(std::uint64_t{tail} << 32 | head) != 0) return false;
  std::memcpy(to, &head, sizeof head);
  std::memcpy(to + size - sizeof tail, &tail, sizeof tail);
  return true;
}

char* write_byte(char* to, char c) noexcept {
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
    *to++ = text::kHexDigits[byte >> 4];
    *to++ = text::kHexDigits[byte & 15];
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

// Most numbers that people write have few decimals: what the general way takes a hundred steps for is a division. Where
// there are no such digits, nullptr. Of 15 digits no two decimals are the same double, so that what reads back as
// `value` with at most 15 is the shortest text that does.
char* write_few_decimals(char* to, double value) noexcept {
  constexpr int kDecimals = 6;
  constexpr std::uint32_t kScale = 1'000'000;
  const double magnitude = std::fabs(value);
  // Below, and above, some ways to write it have an exponent, or there are more than 15 digits.
  if (!(magnitude >= 1e-3 && magnitude < 1e9) && magnitude != 0) return nullptr;
  const auto scaled = static_cast<std::uint64_t>(magnitude * kScale + 0.5);
  if (static_cast<double>(scaled) / kScale != magnitude) return nullptr;  // both are exact: the quotient is the nearest
  if (std::signbit(value)) *to++ = '-';
  to = write_int(to, static_cast<std::int64_t>(scaled / kScale));
  *to++ = '.';
  auto fraction = static_cast<std::uint32_t>(scaled % kScale);
  for (int at = kDecimals; at-- != 0; fraction /= 10) to[at] = static_cast<char>('0' + fraction % 10);
  int count = kDecimals;
  while (count > 1 && to[count - 1] == '0') --count;
  return to + count;
}

}  // namespace

char* write_escaped(char* to, std::string_view text) noexcept {
  const char* from = text.data();
  const char* const end = from + text.size();
  constexpr std::ptrdiff_t kWord = sizeof(std::uint64_t);
  for (; end - from >= kWord; from += kWord) {
    const auto word = load<std::uint64_t>(from);
    if (needs_escape(word) == 0) {
      std::memcpy(to, &word, sizeof word);
      to += kWord;
    } else {
      for (std::ptrdiff_t i = 0; i < kWord; ++i) to = write_byte(to, from[i]);
    }
  }
  const auto rest = static_cast<std::size_t>(end - from);
  if (text.size() >= sizeof(std::uint64_t) ? copy_plain_end(to, end, rest)
                                           : rest >= 4 && copy_plain_short(to, from, rest)) {
    return to + rest;
  }
  while (from != end) to = write_byte(to, *from++);
  return to;
}

char* write_int(char* to, std::int64_t value) noexcept { return std::to_chars(to, to + kIntBound, value).ptr; }

char* write_double(char* to, double value, FloatStyle style) noexcept {
  if (char* const end = write_few_decimals(to, value)) return end;
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
  if (exponent < 0) {
    *to++ = '-';
  } else if (style != FloatStyle::kPlainExponents) {
    *to++ = '+';
  }
  const int magnitude = std::abs(exponent);
  if (style == FloatStyle::kPython && magnitude < 10) *to++ = '0';
  return std::to_chars(to, to + 3, magnitude).ptr;
}

}  // namespace data_bridge::json
