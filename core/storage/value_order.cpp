// Values that are kept as text and do not sort by its letters: what they are compared by.
#include "storage/value_order.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>

#include "text/characters.hpp"

namespace data_bridge::storage {
namespace {

using text::is_digit;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kDay = std::int64_t{86'400} * kSecond;

// Takes pieces of fixed width from the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) noexcept : rest_(text) {}

  [[nodiscard]] bool done() const noexcept { return rest_.empty(); }
  [[nodiscard]] bool take(char expected) noexcept {
    if (rest_.empty() || rest_.front() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }
  [[nodiscard]] std::optional<std::int64_t> number(std::size_t digits) noexcept {
    if (rest_.size() < digits || !std::ranges::all_of(rest_.substr(0, digits), is_digit)) return std::nullopt;
    std::int64_t value = 0;
    for (const char digit : rest_.substr(0, digits)) value = value * 10 + (digit - '0');
    rest_.remove_prefix(digits);
    return value;
  }
  // ".5" and ".120000": microseconds.
  [[nodiscard]] std::optional<std::int64_t> fraction() noexcept {
    if (!take('.')) return 0;
    std::size_t digits = 0;
    while (digits < rest_.size() && is_digit(rest_[digits])) ++digits;
    if (digits == 0 || digits > 6) return std::nullopt;
    auto value = *number(digits);
    for (; digits < 6; ++digits) value *= 10;
    return value;
  }
  // "Z", "+05:30" or nothing, to the end: the seconds that a local time is ahead of UTC.
  [[nodiscard]] std::optional<std::int64_t> offset() noexcept {
    if (done()) return 0;
    if (take('Z')) return done() ? std::optional<std::int64_t>(0) : std::nullopt;
    const bool ahead = take('+');
    if (!ahead && !take('-')) return std::nullopt;
    const auto hours = number(2);
    if (!hours || !take(':')) return std::nullopt;
    const auto minutes = number(2);
    if (!minutes || !done()) return std::nullopt;
    const std::int64_t seconds = *hours * 3600 + *minutes * 60;
    return ahead ? seconds : -seconds;
  }
  // "10:00:00.12+05:30": microseconds since midnight UTC.
  [[nodiscard]] std::optional<std::int64_t> clock() noexcept {
    const auto hours = number(2);
    if (!hours || !take(':')) return std::nullopt;
    const auto minutes = number(2);
    if (!minutes || !take(':')) return std::nullopt;
    const auto seconds = number(2);
    const auto micros = seconds ? fraction() : std::nullopt;
    const auto ahead = micros ? offset() : std::nullopt;
    if (!ahead) return std::nullopt;
    return (*hours * 3600 + *minutes * 60 + *seconds - *ahead) * kSecond + *micros;
  }

 private:
  std::string_view rest_;
};

// Of the proleptic Gregorian calendar, since 1970-01-01.
std::int64_t days_of(std::int64_t year, std::int64_t month, std::int64_t day) noexcept {
  const std::chrono::sys_days days =
      std::chrono::year(static_cast<int>(year)) / static_cast<int>(month) / static_cast<int>(day);
  return days.time_since_epoch().count();
}

// Decimal digits, each as its distance to 9 where `complement`.
void append_digits(std::string& out, std::string_view digits, bool complement) {
  for (const char digit : digits) out += complement ? static_cast<char>('0' + '9' - digit) : digit;
}

// Sorts as the numbers do: how many digits follow, and the digits.
void append_exponent(std::string& out, std::int64_t exponent) {
  char digits[20];
  const char* const end = std::to_chars(digits, digits + sizeof digits, exponent < 0 ? -exponent : exponent).ptr;
  const auto count = static_cast<char>(end - digits);
  out += static_cast<char>(exponent < 0 ? 'Z' - count : 'a' + count);
  append_digits(out, {digits, end}, exponent < 0);
}

// Of `text` times ten to the power of `shift`.
//
// -Infinity is "/", then come the negative numbers with "0", zero is "1", the positive ones have "2", Infinity is "3".
// A number is 0.DIGITS times ten to an exponent: larger exponents are larger numbers, and with the same one the digits
// decide. Negative numbers are the other way round; a mark behind the last digit puts -1 after -1.5.
std::optional<std::string> order_of_number(std::string_view text, std::int64_t shift) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "Infinity") return negative ? "/" : "3";
  std::string digits;
  std::int64_t exponent = shift;
  std::size_t at = 0;
  bool has_point = false;
  for (; at < text.size() && (is_digit(text[at]) || (text[at] == '.' && !has_point)); ++at) {
    if (text[at] == '.') {
      has_point = true;
      continue;
    }
    if (!has_point) ++exponent;
    digits += text[at];
  }
  if (digits.empty()) return std::nullopt;
  if (at != text.size()) {
    if (text[at] != 'e' && text[at] != 'E') return std::nullopt;
    std::string_view power = text.substr(at + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    std::int64_t ten = 0;
    const auto [end, failed] = std::from_chars(power.data(), power.data() + power.size(), ten);
    constexpr std::int64_t kMaxPower = 1'000'000'000'000'000'000;
    if (failed != std::errc() || end != power.data() + power.size() || ten > kMaxPower || ten < -kMaxPower) {
      return std::nullopt;
    }
    exponent += ten;
  }
  const std::size_t first = digits.find_first_not_of('0');
  if (first == std::string::npos) return "1";
  exponent -= static_cast<std::int64_t>(first);
  const std::string_view significant = std::string_view(digits).substr(first, digits.find_last_not_of('0') + 1 - first);
  std::string order(1, negative ? '0' : '2');
  append_exponent(order, negative ? -exponent : exponent);
  append_digits(order, significant, negative);
  if (negative) order += '~';
  return order;
}

}  // namespace

std::optional<std::int64_t> instant_order(std::string_view text) noexcept {
  Scanner scanner(text);
  const auto year = scanner.number(4);
  if (!year || !scanner.take('-')) return std::nullopt;
  const auto month = scanner.number(2);
  if (!month || !scanner.take('-')) return std::nullopt;
  const auto day = scanner.number(2);
  if (!day || !scanner.take('T')) return std::nullopt;
  const auto clock = scanner.clock();
  if (!clock) return std::nullopt;
  return days_of(*year, *month, *day) * kDay + *clock;
}

std::optional<std::int64_t> time_order(std::string_view text) noexcept { return Scanner(text).clock(); }

std::optional<std::string> decimal_order(std::string_view text) { return order_of_number(text, 0); }

std::optional<std::string> duration_order(std::string_view text) {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (!rest.starts_with('P')) return order_of_number(text, 6);
  rest.remove_prefix(1);
  // A timedelta has up to 999,999,999 days: beyond 64 bits of microseconds.
  __extension__ typedef __int128 Wide;  // NOLINT(modernize-use-using): the pedantic form of an extension
  Wide total = 0;
  bool in_time = false;
  if (rest.empty() || rest.ends_with('T')) return std::nullopt;
  while (!rest.empty()) {
    if (rest.front() == 'T' && !in_time) {
      in_time = true;
      rest.remove_prefix(1);
      continue;
    }
    std::size_t digits = 0;
    while (digits < rest.size() && is_digit(rest[digits])) ++digits;
    if (digits == 0 || digits > 15) return std::nullopt;
    Scanner scanner(rest);
    const auto whole = *scanner.number(digits);
    const auto micros = scanner.fraction();
    if (!micros) return std::nullopt;
    std::size_t unit = digits;
    while (unit < rest.size() && (rest[unit] == '.' || is_digit(rest[unit]))) ++unit;
    if (unit == rest.size()) return std::nullopt;
    Wide scale = 0;
    switch (rest[unit]) {
      case 'Y':
        scale = 365 * kDay;
        break;
      case 'M':
        scale = in_time ? 60 * kSecond : 30 * kDay;
        break;
      case 'W':
        scale = 7 * kDay;
        break;
      case 'D':
        scale = kDay;
        break;
      case 'H':
        scale = 3600 * kSecond;
        break;
      case 'S':
        scale = kSecond;
        break;
      default:
        return std::nullopt;
    }
    total += whole * scale + *micros * (scale / kSecond);
    rest.remove_prefix(unit + 1);
  }
  std::string digits;
  for (; total != 0; total /= 10) digits += static_cast<char>('0' + static_cast<int>(total % 10));
  std::ranges::reverse(digits);
  return order_of_number((negative ? "-" : "") + (digits.empty() ? "0" : digits), 0);
}

ColumnKind order_kind(const Field& field) noexcept {
  const bool is_wide = field.kind == ColumnKind::kInteger && !field.members.empty();
  return is_wide ? ColumnKind::kBigInteger : field.kind;
}

Cell order_value(ColumnKind kind, const Cell& cell) {
  const bool is_decimal = kind == ColumnKind::kDecimal || kind == ColumnKind::kBigInteger;
  const auto as_cell = [](const auto& order) { return order ? Cell(*order) : Cell(); };
  if (const auto* const number = std::get_if<std::int64_t>(&cell); number != nullptr && is_decimal) {
    return as_cell(decimal_order(std::to_string(*number)));
  }
  const auto* const text = std::get_if<std::string>(&cell);
  if (text == nullptr) return cell;
  if (is_decimal) return as_cell(decimal_order(*text));
  switch (kind) {
    case ColumnKind::kDatetime:
      return as_cell(instant_order(*text));
    case ColumnKind::kTime:
      return as_cell(time_order(*text));
    case ColumnKind::kDuration:
      return as_cell(duration_order(*text));
    default:
      return cell;
  }
}

}  // namespace data_bridge::storage
