// Reading datetimes as Pydantic does: the leniency and the messages of the Rust crate speedate.
#include "schema/datetime.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "json/number.hpp"
#include "text/characters.hpp"

namespace data_bridge::schema {

namespace {

constexpr std::string_view kTooShort = "input is too short";
constexpr std::string_view kExtraCharacters = "unexpected extra characters at the end of the input";
constexpr std::string_view kTooSmall = "dates before 0000 are not supported as unix timestamps";
constexpr std::string_view kTooLarge = "dates after 9999 are not supported as unix timestamps";

// Above this a unix time is in milliseconds: 2e10 s is the year 2603.
constexpr std::int64_t kMillisecondsFrom = 20'000'000'000;
constexpr std::int64_t kSmallest = -62'167'219'200;  // 0000-01-01
constexpr std::int64_t kLargest = 253'402'300'799;   // 9999-12-31T23:59:59

// `count` digits at `position`, or -1.
int digits(std::string_view text, std::size_t position, std::size_t count) noexcept {
  int value = 0;
  for (std::size_t i = position; i < position + count; ++i) {
    if (i >= text.size() || !text::is_digit(text[i])) {
      return -1;
    }
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

unsigned days_in_month(int year, int month) noexcept {
  constexpr unsigned kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return kDays[month - 1] + (month == 2 && leap ? 1 : 0);
}

// The first ten characters. Empty: read; else what is wrong.
std::string_view read_date(std::string_view text, Datetime& out) noexcept {
  if (text.size() < 10) {
    return kTooShort;
  }
  const int year = digits(text, 0, 4);
  if (year < 0) {
    return "invalid character in year";
  }
  if (text[4] != '-') {
    return "invalid date separator, expected `-`";
  }
  const int month = digits(text, 5, 2);
  if (month < 0) {
    return "invalid character in month";
  }
  if (text[7] != '-') {
    return "invalid date separator, expected `-`";
  }
  const int day = digits(text, 8, 2);
  if (day < 0) {
    return "invalid character in day";
  }
  if (month < 1 || month > 12) {
    return "month value is outside expected range of 1-12";
  }
  if (day < 1 || static_cast<unsigned>(day) > days_in_month(year, month)) {
    return "day value is outside expected range";
  }
  out.year = year;
  out.month = static_cast<std::uint8_t>(month);
  out.day = static_cast<std::uint8_t>(day);
  return {};
}

// An offset from `position` to the end of the text. Empty: read; else what is wrong.
std::string_view read_offset(std::string_view text, std::size_t position, Datetime& out) noexcept {
  constexpr std::string_view kMinusSign = "\xE2\x88\x92";  // U+2212, as speedate and ISO 8601 have it
  const std::string_view rest = text.substr(position);
  if (rest.empty()) {
    return {};
  }
  if (rest.front() == 'Z' || rest.front() == 'z') {
    out.utc_offset = 0;
    return rest.size() == 1 ? std::string_view() : kExtraCharacters;
  }
  std::int32_t sign = 1;
  if (rest.starts_with(kMinusSign)) {
    sign = -1;
    position += kMinusSign.size();
  } else if (rest.front() == '+' || rest.front() == '-') {
    sign = rest.front() == '-' ? -1 : 1;
    position += 1;
  } else {
    return "invalid timezone sign";
  }
  const int hour = digits(text, position, 2);
  if (hour < 0) {
    return "invalid timezone hour";
  }
  position += 2;
  if (position < text.size() && text[position] == ':') {
    ++position;
  }
  const int minute = digits(text, position, 2);
  if (minute < 0) {
    return "invalid timezone minute";
  }
  if (minute > 59) {
    return "timezone minute value is outside expected range of 0-59";
  }
  if (hour > 23) {
    return "timezone offset must be less than 24 hours";
  }
  out.utc_offset = sign * (hour * 3600 + minute * 60);
  return text.size() == position + 2 ? std::string_view() : kExtraCharacters;
}

// A time and its offset, from `start` to the end of the text. Empty: read; else what is wrong.
std::string_view read_time(std::string_view text, std::size_t start, Datetime& out,
                           bool may_have_offset = true) noexcept {
  if (text.size() < start + 5) {
    return kTooShort;
  }
  const int hour = digits(text, start, 2);
  if (hour < 0) {
    return "invalid character in hour";
  }
  if (text[start + 2] != ':') {
    return "invalid time separator, expected `:`";
  }
  const int minute = digits(text, start + 3, 2);
  if (minute < 0) {
    return "invalid character in minute";
  }
  if (hour > 23) {
    return "hour value is outside expected range of 0-23";
  }
  if (minute > 59) {
    return "minute value is outside expected range of 0-59";
  }
  out.hour = static_cast<std::uint8_t>(hour);
  out.minute = static_cast<std::uint8_t>(minute);
  std::size_t position = start + 5;
  if (position < text.size() && text[position] == ':') {
    const int second = digits(text, position + 1, 2);
    if (second < 0) {
      return "invalid character in second";
    }
    if (second > 59) {
      return "second value is outside expected range of 0-59";
    }
    out.second = static_cast<std::uint8_t>(second);
    position += 3;
    if (position < text.size() && (text[position] == '.' || text[position] == ',')) {
      const std::size_t first = ++position;
      std::uint32_t unit = 100'000;
      for (; position < text.size() && text::is_digit(text[position]); ++position, unit /= 10) {
        out.microsecond += unit * static_cast<std::uint32_t>(text[position] - '0');
      }
      if (position == first) {
        return "second fraction digits missing after `.`";
      }
    }
  }
  if (!may_have_offset) {
    return text.size() == position ? std::string_view() : kExtraCharacters;
  }
  return read_offset(text, position, out);
}

// Behind the ten characters of a date. Empty: read; else what is wrong.
std::string_view read_time_behind_date(std::string_view text, Datetime& out) noexcept {
  if (text.size() < 11 || !std::string_view("Tt _").contains(text[10])) {
    return "invalid datetime separator, expected `T`, `t`, `_` or space";
  }
  return read_time(text, 11, out);
}

std::expected<Datetime, std::string_view> from_unix(std::int64_t seconds, std::uint32_t microsecond) {
  if (seconds < kSmallest) {
    return std::unexpected(kTooSmall);
  }
  if (seconds > kLargest) {
    return std::unexpected(kTooLarge);
  }
  using namespace std::chrono;
  const sys_seconds time{std::chrono::seconds(seconds)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  Datetime out;
  out.year = static_cast<int>(date.year());
  out.month = static_cast<std::uint8_t>(static_cast<unsigned>(date.month()));
  out.day = static_cast<std::uint8_t>(static_cast<unsigned>(date.day()));
  out.hour = static_cast<std::uint8_t>(clock.hours().count());
  out.minute = static_cast<std::uint8_t>(clock.minutes().count());
  out.second = static_cast<std::uint8_t>(clock.seconds().count());
  out.microsecond = microsecond;
  out.utc_offset = 0;
  return out;
}

std::expected<Datetime, std::string_view> from_integer(std::int64_t number) {
  if (number >= -kMillisecondsFrom && number <= kMillisecondsFrom) {
    return from_unix(number, 0);
  }
  std::int64_t seconds = number / 1000;
  std::int64_t rest = number % 1000;
  if (rest < 0) {
    rest += 1000;
    --seconds;
  }
  return from_unix(seconds, static_cast<std::uint32_t>(rest * 1000));
}

std::expected<Datetime, std::string_view> from_double(double number) {
  if (std::isnan(number)) {
    return std::unexpected("NaN values not permitted");
  }
  // What is behind the point is rounded to microseconds on its own: dividing milliseconds by 1000 first
  // would lose digits.
  const std::int64_t units = std::fabs(number) > static_cast<double>(kMillisecondsFrom) ? 1000 : 1;
  const double whole = std::floor(number);
  if (whole < static_cast<double>(kSmallest * units)) {
    return std::unexpected(kTooSmall);
  }
  if (whole >= static_cast<double>((kLargest + 1) * units)) {
    return std::unexpected(kTooLarge);
  }
  std::int64_t seconds = static_cast<std::int64_t>(whole) / units;
  std::int64_t rest = static_cast<std::int64_t>(whole) % units;
  if (rest < 0) {
    rest += units;
    --seconds;
  }
  std::int64_t microsecond = rest * 1000 + std::llround((number - whole) * (1e6 / static_cast<double>(units)));
  if (microsecond == 1'000'000) {
    microsecond = 0;
    ++seconds;
  }
  return from_unix(seconds, static_cast<std::uint32_t>(microsecond));
}

// `[+-]?digits` within int64.
std::optional<std::int64_t> read_integer(std::string_view text) noexcept {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) {
      return std::nullopt;
    }
  }
  std::int64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  return ec == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// `[+-]?digits.digits`; where `exponents` there may be nothing in front of the point, and an exponent in the end.
std::optional<double> read_decimal(std::string_view text, bool exponents) noexcept {
  std::string_view number = text;
  if (number.starts_with('+') || number.starts_with('-')) {
    number.remove_prefix(1);
  }
  const std::size_t point = number.find('.');
  if (point == std::string_view::npos || number.size() == 1 || (point == 0 && !exponents)) {
    return std::nullopt;
  }
  const std::size_t end = exponents ? std::min(number.find_first_of("eE"), number.size()) : number.size();
  for (std::size_t at = 0; at < end; ++at) {
    if (at != point && !text::is_digit(number[at])) {
      return std::nullopt;
    }
  }
  double value = 0;
  const auto [rest, ec] = json::read_double(number.data(), number.data() + number.size(), value);
  if (end <= point || ec != std::errc{} || rest != number.data() + number.size()) {
    return std::nullopt;
  }
  return text.starts_with('-') ? -value : value;
}

void append_padded(std::string& out, std::uint32_t value, int width) {
  char buffer[8];
  for (int i = width - 1; i >= 0; --i, value /= 10) {
    buffer[i] = static_cast<char>('0' + value % 10);
  }
  out.append(buffer, static_cast<std::size_t>(width));
}

// A unix time in digits; `otherwise` for a text that is none.
std::expected<Datetime, std::string_view> from_digits(std::string_view text, std::string_view otherwise,
                                                      bool exponents) {
  if (const auto integer = read_integer(text)) {
    return from_integer(*integer);
  }
  if (const auto decimal = read_decimal(text, exponents)) {
    return from_double(*decimal);
  }
  return std::unexpected(otherwise);
}

std::expected<Datetime, std::string_view> from_number(const json::Value& number) {
  if (number.is_int()) {
    return from_integer(number.as_int());
  }
  if (number.is_double()) {
    return from_double(number.as_double());
  }
  return std::unexpected(number.as_string().starts_with('-') ? kTooSmall : kTooLarge);
}

// A datetime as the date that it has to be.
std::expected<Datetime, DateError> exact_date(const std::expected<Datetime, std::string_view>& value) {
  if (!value) {
    return std::unexpected(DateError{.is_inexact = false, .message = value.error()});
  }
  if (value->hour != 0 || value->minute != 0 || value->second != 0 || value->microsecond != 0) {
    return std::unexpected(DateError{.is_inexact = true, .message = {}});
  }
  return *value;
}

}  // namespace

std::expected<Datetime, DatetimeError> parse_datetime(std::string_view text, bool exponents) {
  Datetime value;
  const std::string_view date_error = read_date(text, value);
  if (date_error.empty()) {
    if (text.size() == 10 || read_time_behind_date(text, value).empty()) {
      return value;
    }
    return std::unexpected(DatetimeError{true, kExtraCharacters});  // of the date that it is then tried as
  }
  const auto number = from_digits(text, date_error, exponents);
  if (const auto decimal = read_decimal(text, exponents); decimal && std::fabs(*decimal) >= 0x1p63) {
    return std::unexpected(DatetimeError{true, date_error});  // of the date that it is then tried as, where it is none
  }
  if (number) {
    return *number;
  }
  return std::unexpected(DatetimeError{true, number.error()});
}

std::expected<Datetime, DatetimeError> datetime_from_number(const json::Value& number) {
  const auto value = from_number(number);
  if (!value) {
    return std::unexpected(DatetimeError{false, value.error()});
  }
  return *value;
}

std::expected<Datetime, DateError> parse_date(std::string_view text, bool exponents) {
  Datetime value;
  const std::string_view date_error = read_date(text, value);
  if (!date_error.empty()) {
    return exact_date(from_digits(text, date_error, exponents));
  }
  if (text.size() > 10) {
    const std::string_view time_error = read_time_behind_date(text, value);
    if (!time_error.empty()) {
      return std::unexpected(DateError{.is_inexact = false, .message = time_error});
    }
  }
  return exact_date(value);
}

std::expected<Datetime, DateError> date_from_number(const json::Value& number) {
  return exact_date(from_number(number));
}

std::expected<Datetime, std::string_view> parse_time(std::string_view text, bool may_have_offset) {
  Datetime value;
  const std::string_view error = read_time(text, 0, value, may_have_offset);
  if (!error.empty()) {
    return std::unexpected(error);
  }
  return value;
}

std::expected<Datetime, std::string_view> time_from_number(const json::Value& number) {
  constexpr std::string_view kNegative = "time in seconds should be positive";
  constexpr std::string_view kBeyondDay = "numeric times may not exceed 86,399 seconds";
  constexpr std::int64_t kDay = 86'400;
  std::int64_t seconds = 0;
  std::int64_t microsecond = 0;
  if (number.is_int()) {
    seconds = number.as_int();
  } else if (number.is_double()) {
    const double value = number.as_double();
    if (std::isnan(value)) {
      return std::unexpected("NaN values not permitted");
    }
    const double whole = std::floor(value);
    seconds = whole < 0 ? -1 : static_cast<std::int64_t>(std::min(whole, static_cast<double>(kDay)));
    if (seconds >= 0 && seconds < kDay) {
      microsecond = std::llround((value - whole) * 1e6);
      seconds += microsecond / 1'000'000;
      microsecond %= 1'000'000;
    }
  } else {
    seconds = number.as_string().starts_with('-') ? -1 : kDay;
  }
  if (seconds < 0) {
    return std::unexpected(kNegative);
  }
  if (seconds >= kDay) {
    return std::unexpected(kBeyondDay);
  }
  Datetime value;
  value.hour = static_cast<std::uint8_t>(seconds / 3600);
  value.minute = static_cast<std::uint8_t>(seconds / 60 % 60);
  value.second = static_cast<std::uint8_t>(seconds % 60);
  value.microsecond = static_cast<std::uint32_t>(microsecond);
  value.utc_offset = 0;
  return value;
}

void append_date(std::string& out, const Datetime& value) {
  append_padded(out, static_cast<std::uint32_t>(value.year), 4);
  out.push_back('-');
  append_padded(out, value.month, 2);
  out.push_back('-');
  append_padded(out, value.day, 2);
}

void append_datetime(std::string& out, const Datetime& value) {
  append_date(out, value);
  out.push_back('T');
  append_time(out, value);
}

void append_time(std::string& out, const Datetime& value) {
  append_padded(out, value.hour, 2);
  out.push_back(':');
  append_padded(out, value.minute, 2);
  out.push_back(':');
  append_padded(out, value.second, 2);
  if (value.microsecond != 0) {
    out.push_back('.');
    append_padded(out, value.microsecond, 6);
  }
  if (value.utc_offset) {
    const std::int32_t offset = *value.utc_offset;
    if (offset == 0) {
      out.push_back('Z');
      return;
    }
    const auto magnitude = static_cast<std::uint32_t>(offset < 0 ? -offset : offset);
    out.push_back(offset < 0 ? '-' : '+');
    append_padded(out, magnitude / 3600, 2);
    out.push_back(':');
    append_padded(out, magnitude / 60 % 60, 2);
  }
}

}  // namespace data_bridge::schema
