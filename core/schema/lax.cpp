// How Pydantic reads numbers and booleans out of strings (pydantic-core, src/input/shared.rs).
#include "schema/lax.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "json/number.hpp"
#include "text/characters.hpp"

namespace data_bridge::schema {

namespace {

constexpr std::size_t kMaxIntDigits = 4300;

// For remainders by 64-bit divisors; ISO C++ has no name for it.
__extension__ typedef unsigned __int128 Wide;

// The length of the White_Space character at the start of `text`, or 0.
std::size_t space_at_start(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : '\0'); };
  if ((byte(0) >= 0x09 && byte(0) <= 0x0D) || byte(0) == ' ') {
    return text.empty() ? 0 : 1;
  }
  if (byte(0) == 0xC2 && (byte(1) == 0x85 || byte(1) == 0xA0)) {
    return 2;
  }
  const std::uint32_t three = static_cast<std::uint32_t>(byte(0) << 16 | byte(1) << 8 | byte(2));
  // U+1680, U+2000..200A, U+2028, U+2029, U+202F, U+205F, U+3000
  if (three == 0xE19A80 || (three >= 0xE28080 && three <= 0xE2808A) || three == 0xE280A8 || three == 0xE280A9 ||
      three == 0xE280AF || three == 0xE2819F || three == 0xE38080) {
    return 3;
  }
  return 0;
}

std::size_t space_at_end(std::string_view text) noexcept {
  for (std::size_t length = 1; length <= 3 && length <= text.size(); ++length) {
    if (space_at_start(text.substr(text.size() - length)) == length) {
      return length;
    }
  }
  return 0;
}

// Single underscores between other characters go; others make it no number.
bool drop_underscores(std::string_view text, std::string& out) {
  if (text.starts_with('_') || text.ends_with('_') || text.contains("__")) {
    return false;
  }
  out.clear();
  std::ranges::copy_if(text, std::back_inserter(out), [](char c) { return c != '_'; });
  return true;
}

std::string_view digits_of(const json::Value& value, std::array<char, 24>& buffer) noexcept {
  if (value.is_big_int()) {
    return value.as_string();
  }
  const auto [end, ec] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value.as_int());
  return {buffer.data(), end};
}

}  // namespace

std::string_view trim(std::string_view text) noexcept {
  while (const std::size_t length = space_at_start(text)) {
    text.remove_prefix(length);
  }
  while (const std::size_t length = space_at_end(text)) {
    text.remove_suffix(length);
  }
  return text;
}

std::expected<json::Value, IntError> parse_int(std::string_view text, json::Arena& arena) {
  text = trim(text);
  bool negative = false;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (const std::size_t point = text.find('.'); point != std::string_view::npos) {
    const std::string_view zeros = text.substr(point + 1);
    if (zeros.empty() || zeros.find_first_not_of('0') != std::string_view::npos) {
      return std::unexpected(IntError::kParsing);
    }
    text = text.substr(0, point);
  }
  std::string plain;
  if (text.contains('_')) {
    if (!drop_underscores(text, plain)) {
      return std::unexpected(IntError::kParsing);
    }
    text = plain;
  }
  if (text.empty() || !std::ranges::all_of(text, text::is_digit)) {
    return std::unexpected(IntError::kParsing);
  }
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size() - 1));
  if (text.size() > kMaxIntDigits) {
    return std::unexpected(IntError::kSize);
  }
  std::string digits = negative ? "-" : "";
  digits.append(text);
  std::int64_t result = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), result);
  return ec == std::errc{} ? json::Value::integer(result) : json::Value::big_integer(arena.copy(digits));
}

std::optional<double> parse_float(std::string_view text) {
  std::string plain;
  if (text.contains('_')) {
    if (!drop_underscores(text, plain)) {
      return std::nullopt;
    }
    text = plain;  // and not trimmed: " 1_0" is no float, although it is an int
  } else {
    text = trim(text);
  }
  bool negative = false;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  double result = 0;
  if (text::equals_lower(text, "inf") || text::equals_lower(text, "infinity")) {
    result = std::numeric_limits<double>::infinity();
  } else if (text::equals_lower(text, "nan")) {
    result = std::numeric_limits<double>::quiet_NaN();
  } else {
    // from_chars also takes "nan(...)" and a minus of its own: a digit or a point must come first.
    if (text.empty() || !(text::is_digit(text.front()) || text.front() == '.')) {
      return std::nullopt;
    }
    const auto [end, ec] = json::read_double(text.data(), text.data() + text.size(), result);
    if (ec != std::errc{} || end != text.data() + text.size()) {
      return std::nullopt;
    }
  }
  return negative ? -result : result;
}

std::optional<bool> parse_bool(std::string_view text) noexcept {
  const auto is_one_of = [&](std::initializer_list<std::string_view> words) {
    return std::ranges::any_of(words, [&](std::string_view word) { return text::equals_lower(text, word); });
  };
  if (is_one_of({"0", "off", "f", "false", "n", "no"})) {
    return false;
  }
  if (is_one_of({"1", "on", "t", "true", "y", "yes"})) {
    return true;
  }
  return std::nullopt;
}

int compare_ints(const json::Value& left, const json::Value& right) noexcept {
  if (left.is_int() && right.is_int()) {
    return left.as_int() < right.as_int() ? -1 : left.as_int() > right.as_int() ? 1 : 0;
  }
  std::array<char, 24> left_buffer{};
  std::array<char, 24> right_buffer{};
  std::string_view left_digits = digits_of(left, left_buffer);
  std::string_view right_digits = digits_of(right, right_buffer);
  const bool left_negative = left_digits.starts_with('-');
  const bool right_negative = right_digits.starts_with('-');
  if (left_negative != right_negative) {
    return left_negative ? -1 : 1;
  }
  const int magnitude = left_digits.size() != right_digits.size() ? (left_digits.size() < right_digits.size() ? -1 : 1)
                                                                  : left_digits.compare(right_digits);
  return left_negative ? -magnitude : magnitude;
}

bool is_multiple(const json::Value& value, std::int64_t divisor) noexcept {
  if (value.is_int()) {
    return value.as_int() % divisor == 0;
  }
  Wide rest = 0;
  for (const char digit : value.as_string()) {
    if (digit != '-') {
      rest = (rest * 10 + static_cast<unsigned>(digit - '0')) % static_cast<std::uint64_t>(divisor);
    }
  }
  return rest == 0;
}

double int_to_double(const json::Value& value) {
  if (value.is_int()) {
    return static_cast<double>(value.as_int());
  }
  const std::string_view digits = value.as_string();
  double result = 0;
  json::read_double(digits.data(), digits.data() + digits.size(), result);
  return result;
}

bool is_number(const json::Value& value) {
  return value.is_int() || value.is_double() || (value.is_big_int() && std::isfinite(int_to_double(value)));
}

void append_display(std::string& out, double value) {
  if (std::isnan(value)) {
    out.append("NaN");
    return;
  }
  if (std::isinf(value)) {
    out.append(value < 0 ? "-inf" : "inf");
    return;
  }
  // 309 digits before the point, or 324 zeros and 17 digits behind it, at most.
  std::array<char, 352> buffer{};
  const auto [end, ec] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  out.append(buffer.data(), end);
}

}  // namespace data_bridge::schema
