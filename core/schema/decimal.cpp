// Decimals as Python's decimal module has them (CPython, Modules/_decimal; libmpdec, io.c).
#include "schema/decimal.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "schema/lax.hpp"
#include "text/characters.hpp"

namespace data_bridge::schema {

namespace {

constexpr std::int64_t kMaxExponent = 999'999'999'999'999'999;
constexpr std::int64_t kMinExponent = -1'999'999'999'999'999'997;  // of the last digit
constexpr std::int64_t kBeyond = 4'000'000'000'000'000'000;        // what longer exponents are taken for
// Python's default context.
constexpr std::size_t kPrecision = 28;
constexpr std::int64_t kTiniest = -1'000'026;  // exponent of the last digit of a subnormal number

// Python's str.strip(): also the separators of ASCII.
std::string_view strip(std::string_view text) noexcept {
  const auto is_separator = [](char c) { return c >= 0x1C && c <= 0x1F; };
  for (std::size_t before = text.size() + 1; before != text.size();) {
    before = text.size();
    text = trim(text);
    if (!text.empty() && is_separator(text.front())) text.remove_prefix(1);
    if (!text.empty() && is_separator(text.back())) text.remove_suffix(1);
  }
  return text;
}

// The ASCII digit for the UTF-8 character at the start of `text`, and its length; 0 for anything else.
std::size_t read_digit(std::string_view text, const DigitZeros& zeros, char& digit) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::size_t length = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
  if (text.size() < length) return 0;
  std::uint32_t point = byte(0) & (length == 2 ? 0x1FU : length == 3 ? 0x0FU : 0x07U);
  for (std::size_t i = 1; i < length; ++i) point = point << 6 | (byte(i) & 0x3F);
  const auto after = std::ranges::upper_bound(zeros, point);
  if (after == zeros.begin() || point - *std::prev(after) > 9) return 0;
  digit = static_cast<char>('0' + (point - *std::prev(after)));
  return length;
}

// In ASCII, without underscores; nullopt for a character that no number has.
std::optional<std::string> to_ascii(std::string_view text, const DigitZeros& zeros) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    char c = text[at];
    std::size_t length = 1;
    if (static_cast<unsigned char>(c) >= 0x80) {
      length = read_digit(text.substr(at), zeros, c);
      if (length == 0) return std::nullopt;
    }
    if (c != '_') out.push_back(c);
    at += length;
  }
  return out;
}

bool is_special(std::string_view text) noexcept {
  if (text::equals_lower(text, "inf") || text::equals_lower(text, "infinity")) return true;
  if (!text.empty() && (text.front() == 's' || text.front() == 'S')) text.remove_prefix(1);
  return text.size() >= 3 && text::equals_lower(text.substr(0, 3), "nan") &&
         std::ranges::all_of(text.substr(3), text::is_digit);
}

// `[+-]?digits`, beyond 64 bits something far away.
std::optional<std::int64_t> read_exponent(std::string_view text) noexcept {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || !std::ranges::all_of(text, text::is_digit)) return std::nullopt;
  std::int64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc{} || value > kBeyond) value = kBeyond;
  return negative ? -value : value;
}

// The first kPrecision + 1 digits of a quotient and what it is times ten to the power of; the last digit is only to
// round by: 1 stands for everything that follows, where that is not nothing.
struct Quotient {
  std::string digits;
  std::int64_t exponent;
};

Quotient divide(const Decimal& value, const Decimal& divisor) {
  std::uint64_t by = 0;
  std::from_chars(divisor.digits.data(), divisor.digits.data() + divisor.digits.size(), by);
  Quotient quotient{{}, value.exponent - divisor.exponent + static_cast<std::int64_t>(value.digits.size())};
  std::uint64_t rest = 0;  // < by < 10^18, so that ten times as much fits
  std::size_t at = 0;
  while (quotient.digits.size() <= kPrecision) {
    if (at >= value.digits.size() && rest == 0) break;
    rest = rest * 10 + (at < value.digits.size() ? static_cast<std::uint64_t>(value.digits[at] - '0') : 0);
    ++at;
    --quotient.exponent;
    if (const char digit = static_cast<char>('0' + rest / by); digit != '0' || !quotient.digits.empty()) {
      quotient.digits.push_back(digit);
    }
    rest %= by;
  }
  const bool is_exact =
      rest == 0 && (at >= value.digits.size() || value.digits.find_first_not_of('0', at) == std::string::npos);
  if (!is_exact) {
    quotient.digits.push_back('1');
    --quotient.exponent;
  }
  return quotient;
}

// To `size` digits, half to even. `digits` is longer.
void round_to(Quotient& quotient, std::size_t size) {
  const std::string_view tail = std::string_view(quotient.digits).substr(size);
  const bool is_half = tail.front() == '5' && tail.find_first_not_of('0', 1) == std::string_view::npos;
  const bool is_odd = size > 0 && (quotient.digits[size - 1] - '0') % 2 != 0;
  const bool goes_up = is_half ? is_odd : tail.front() >= '5';
  quotient.exponent += static_cast<std::int64_t>(tail.size());
  quotient.digits.resize(size);
  if (!goes_up) return;
  for (std::size_t at = size; at-- > 0;) {
    if (quotient.digits[at] != '9') {
      ++quotient.digits[at];
      return;
    }
    quotient.digits[at] = '0';
  }
  quotient.digits.insert(quotient.digits.begin(), '1');
}

}  // namespace

std::weak_ordering operator<=>(const Decimal& left, const Decimal& right) noexcept {
  const auto sign = [](const Decimal& value) { return value.is_zero() ? 0 : value.negative ? -1 : 1; };
  if (sign(left) != sign(right) || sign(left) == 0) return sign(left) <=> sign(right);
  const Decimal& low = left.negative ? right : left;  // of negative numbers the other one
  const Decimal& high = left.negative ? left : right;
  if (low.adjusted() != high.adjusted()) return low.adjusted() <=> high.adjusted();
  const std::size_t common = std::min(low.digits.size(), high.digits.size());
  if (const int order = low.digits.compare(0, common, high.digits, 0, common); order != 0) return order <=> 0;
  const auto has_more = [&](const Decimal& value) {
    return value.digits.find_first_not_of('0', common) != std::string::npos;
  };
  return has_more(low) <=> has_more(high);
}

std::optional<Decimal> parse_decimal(std::string_view text, const DigitZeros& zeros) {
  const auto ascii = to_ascii(strip(text), zeros);
  if (!ascii) return std::nullopt;
  std::string_view rest = *ascii;
  Decimal value;
  value.negative = rest.starts_with('-');
  if (value.negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (is_special(rest)) {
    value.finite = false;
    return value;
  }
  if (const std::size_t mark = rest.find_first_of("eE"); mark != std::string_view::npos) {
    const auto exponent = read_exponent(rest.substr(mark + 1));
    if (!exponent) return std::nullopt;
    value.exponent = *exponent;
    rest = rest.substr(0, mark);
  }
  std::string digits;
  if (const std::size_t point = rest.find('.'); point != std::string_view::npos) {
    digits = std::string(rest.substr(0, point)).append(rest.substr(point + 1));
    value.exponent -= static_cast<std::int64_t>(rest.size() - point - 1);
  } else {
    digits = rest;
  }
  if (digits.empty() || !std::ranges::all_of(digits, text::is_digit)) return std::nullopt;
  value.digits = digits.substr(std::min(digits.find_first_not_of('0'), digits.size() - 1));
  if (value.adjusted() > kMaxExponent || value.exponent < kMinExponent) return std::nullopt;
  return value;
}

// "Conversion to scientific string" of the General Decimal Arithmetic specification.
void append_decimal(std::string& out, const Decimal& value) {
  if (value.negative) out.push_back('-');
  const std::int64_t adjusted = value.adjusted();
  if (value.exponent > 0 || adjusted < -6) {
    out.push_back(value.digits.front());
    if (value.digits.size() > 1) out.append(".").append(value.digits, 1);
    out.append(adjusted < 0 ? "E" : "E+").append(std::to_string(adjusted));
    return;
  }
  const std::int64_t before = static_cast<std::int64_t>(value.digits.size()) + value.exponent;
  if (before > 0) {
    out.append(value.digits, 0, static_cast<std::size_t>(before));
    if (value.exponent < 0) out.append(".").append(value.digits, static_cast<std::size_t>(before));
  } else {
    out.append("0.").append(static_cast<std::size_t>(-before), '0').append(value.digits);
  }
}

DigitCount count_digits(const Decimal& value) noexcept {
  const std::uint64_t size = value.digits.size();
  if (value.exponent >= 0) return {size + static_cast<std::uint64_t>(value.exponent), 0};
  const auto places = static_cast<std::uint64_t>(-value.exponent);
  return {std::max(size, places), places};
}

Decimal normalized(const Decimal& value) {
  Decimal result = value;
  if (value.is_zero()) {
    result.exponent = 0;
    return result;
  }
  result.digits.resize(value.digits.find_last_not_of('0') + 1);
  result.exponent += static_cast<std::int64_t>(value.digits.size() - result.digits.size());
  return result;
}

bool is_multiple(const Decimal& value, const Decimal& divisor) {
  if (value.is_zero()) return true;
  Quotient quotient = divide(value, divisor);
  const std::int64_t adjusted = quotient.exponent + static_cast<std::int64_t>(quotient.digits.size()) - 1;
  if (adjusted < kTiniest) {  // underflows to the least number there is, or to zero
    if (adjusted < kTiniest - 1) return true;
    round_to(quotient, 0);
    return quotient.digits.empty();
  }
  if (adjusted < -1) return false;
  if (quotient.digits.size() > kPrecision) round_to(quotient, kPrecision);
  if (quotient.exponent + static_cast<std::int64_t>(quotient.digits.size()) > static_cast<std::int64_t>(kPrecision)) {
    return false;  // Python has no remainder of it
  }
  if (quotient.exponent >= 0) return true;
  const auto fraction = static_cast<std::size_t>(-quotient.exponent);
  return fraction < quotient.digits.size() &&
         quotient.digits.find_first_not_of('0', quotient.digits.size() - fraction) == std::string::npos;
}

}  // namespace data_bridge::schema
