// Reading durations as Pydantic does: the leniency and the messages of the Rust crate speedate.
#include "schema/duration.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "json/writer.hpp"
#include "schema/datetime.hpp"
#include "text/characters.hpp"

namespace data_bridge::schema {

namespace {

constexpr std::string_view kTooShort = "input is too short";
constexpr std::string_view kTooLarge = "a numeric value in the duration is too large";
constexpr std::string_view kTooManyDays = "durations may not exceed 999,999,999 days";
constexpr std::string_view kTooManyHours = "durations may not exceed 999,999,999 hours";
constexpr std::string_view kBadDays = "\"day\" identifier in duration not correctly formatted";

constexpr std::uint64_t kMaxPart = std::numeric_limits<std::uint32_t>::max();  // speedate's days and seconds
constexpr std::int64_t kSecondsOfDay = 86'400;
constexpr std::int64_t kMicros = 1'000'000;
constexpr std::uint64_t kMaxDays = 999'999'999;

struct Parts {
  std::uint64_t days = 0;
  std::uint64_t seconds = 0;
  std::uint64_t micros = 0;

  [[nodiscard]] bool fits() const noexcept { return days <= kMaxPart && seconds <= kMaxPart && micros <= kMaxPart; }
};

using Result = std::expected<Parts, std::string_view>;

std::expected<Duration, std::string_view> together(const Parts& parts, bool negative) {
  const std::uint64_t seconds = parts.seconds + parts.micros / kMicros;
  if (parts.days + seconds / kSecondsOfDay > kMaxDays) {
    return std::unexpected(kTooManyDays);
  }
  const Duration total =
      (Duration(parts.days) * kSecondsOfDay + Duration(seconds)) * kMicros + Duration(parts.micros % kMicros);
  return negative ? -total : total;
}

class Reader {
 public:
  explicit Reader(std::string_view text, std::size_t at) noexcept : text_(text), at_(at) {}

  // Behind the P.
  Result iso() {
    Parts parts;
    bool in_time = false;
    bool had_fraction = false;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == 'T') {
        if (in_time) return std::unexpected("`t` character repeated in duration");
        in_time = true;
        continue;
      }
      const auto number = this->number();
      if (!number) return std::unexpected(number.error());
      const std::optional<double> fraction = this->fraction();
      if (had_fraction) return std::unexpected("quantity fraction invalid in duration");
      had_fraction = fraction.has_value();
      const std::uint64_t unit = in_time ? time_unit() : date_unit();
      if (unit == 0) {
        return std::unexpected(in_time ? "quantity invalid in time part of duration"
                                       : "quantity invalid in date part of duration");
      }
      (in_time ? parts.seconds : parts.days) += *number * unit;
      double rest = fraction.value_or(0) * static_cast<double>(unit);
      if (!in_time) {
        parts.days += static_cast<std::uint64_t>(rest);
        rest = (rest - std::trunc(rest)) * static_cast<double>(kSecondsOfDay);
      }
      parts.seconds += static_cast<std::uint64_t>(rest);
      parts.micros += static_cast<std::uint64_t>(std::round((rest - std::trunc(rest)) * 1e6));
      if (!parts.fits()) return std::unexpected(kTooLarge);
    }
    if (at_ < 3) return std::unexpected(kTooShort);
    return parts;
  }

  // "2 days, 10:00"; also of what is too short for a time.
  Result days_and_time() {
    if (at_ >= text_.size()) return std::unexpected(kTooShort);
    const auto days = number();
    if (!days) return std::unexpected(days.error());
    take(" ");
    if (!take("dD")) return std::unexpected(kBadDays);
    if (take("aA")) {
      if (!take("yY")) return std::unexpected(kBadDays);
      take("sS");
    }
    take(",");
    take(" ");
    if (at_ >= text_.size()) return Parts{.days = *days};
    auto parts = time(23);
    if (parts) parts->days += *days;
    if (parts && !parts->fits()) return std::unexpected(kTooLarge);
    return parts;
  }

  // "100:00:00.5"
  Result time(std::uint64_t max_hours = 999'999'999) {
    const std::string_view text = text_.substr(at_);
    if (text.size() < 5) return std::unexpected(kTooShort);
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::unexpected("invalid character in hour");
    if (colon > 10) return std::unexpected(kTooManyHours);
    std::uint64_t hours = 0;
    for (const char c : text.substr(0, colon)) {
      if (!text::is_digit(c)) return std::unexpected("invalid character in hour");
      hours = hours * 10 + static_cast<std::uint64_t>(c - '0');
    }
    constexpr std::size_t kLongest = 12;  // "00:00.000000": what is behind is cut
    const auto rest = parse_time(std::string("00:").append(text.substr(colon + 1, kLongest)), false);
    if (!rest) return std::unexpected(rest.error());
    if (hours > max_hours) return std::unexpected(kTooManyHours);
    return Parts{.days = hours / 24,
                 .seconds = hours % 24 * 3600 + rest->minute * std::uint64_t{60} + rest->second,
                 .micros = rest->microsecond};
  }

 private:
  std::expected<std::uint64_t, std::string_view> number() {
    if (!text::is_digit(text_[at_])) return std::unexpected("invalid digit in duration");
    std::uint64_t value = 0;
    for (; at_ < text_.size() && text::is_digit(text_[at_]); ++at_) {
      value = value * 10 + static_cast<std::uint64_t>(text_[at_] - '0');
      if (value > kMaxPart) return std::unexpected(kTooLarge);
    }
    return value;
  }

  std::optional<double> fraction() noexcept {
    if (!take(".,")) return std::nullopt;
    double digits = 0;
    double scale = 1;
    for (; at_ < text_.size() && text::is_digit(text_[at_]); ++at_) {
      digits = digits * 10 + (text_[at_] - '0');
      scale *= 10;
    }
    return digits / scale;
  }

  [[nodiscard]] std::uint64_t time_unit() const noexcept {
    switch (at_ < text_.size() ? text_[at_] : '\0') {
      case 'H':
        return 3600;
      case 'M':
        return 60;
      case 'S':
        return 1;
      default:
        return 0;
    }
  }

  [[nodiscard]] std::uint64_t date_unit() const noexcept {
    switch (at_ < text_.size() ? text_[at_] : '\0') {
      case 'Y':
        return 365;
      case 'M':
        return 30;
      case 'W':
        return 7;
      case 'D':
        return 1;
      default:
        return 0;
    }
  }

  bool take(std::string_view any_of) noexcept {
    if (at_ >= text_.size() || !any_of.contains(text_[at_])) return false;
    ++at_;
    return true;
  }

  std::string_view text_;
  std::size_t at_;
};

void append_unit(std::string& out, std::int64_t count, char unit) {
  if (count != 0) {
    json::append_int(out, count);
    out.push_back(unit);
  }
}

}  // namespace

std::expected<Duration, std::string_view> parse_duration(std::string_view text) {
  if (text.empty()) {
    return std::unexpected(kTooShort);
  }
  const std::size_t start = text.front() == '+' || text.front() == '-' ? 1 : 0;
  const bool is_iso = start < text.size() && text[start] == 'P';
  Reader reader(text, is_iso ? start + 1 : start);
  const bool has_days = text.find_first_of("dD") != std::string_view::npos || text.size() < start + 5;
  const Result parts = is_iso ? reader.iso() : has_days ? reader.days_and_time() : reader.time();
  if (!parts) {
    return std::unexpected(parts.error());
  }
  return together(*parts, text.front() == '-');
}

std::expected<Duration, std::string_view> duration_from_number(const json::Value& number) {
  constexpr std::int64_t kTooManySeconds = static_cast<std::int64_t>(kMaxDays + 1) * kSecondsOfDay;
  if (number.is_int()) {
    const std::int64_t seconds = number.as_int();
    if (seconds >= kTooManySeconds || seconds <= -kTooManySeconds) {
      return std::unexpected(kTooManyDays);
    }
    return Duration(seconds) * kMicros;
  }
  if (!number.is_double()) {
    return std::unexpected(kTooManyDays);
  }
  if (std::isnan(number.as_double())) {
    return std::unexpected("NaN values not permitted");
  }
  const double seconds = std::fabs(number.as_double());
  if (seconds >= static_cast<double>(kTooManySeconds)) {
    return std::unexpected(kTooManyDays);
  }
  const double whole = std::trunc(seconds);
  return together({.days = static_cast<std::uint64_t>(whole) / kSecondsOfDay,
                   .seconds = static_cast<std::uint64_t>(whole) % kSecondsOfDay,
                   .micros = static_cast<std::uint64_t>(std::round((seconds - whole) * 1e6))},
                  number.as_double() < 0);
}

void append_duration(std::string& out, Duration value) {
  if (value < 0) {
    out.push_back('-');
    value = -value;
  }
  const auto seconds = static_cast<std::int64_t>(value / kMicros);
  const auto micros = static_cast<std::int64_t>(value % kMicros);
  const std::int64_t days = seconds / kSecondsOfDay;
  out.push_back('P');
  append_unit(out, days / 365, 'Y');
  append_unit(out, days % 365, 'D');
  if (seconds % kSecondsOfDay == 0 && micros == 0 && days != 0) {
    return;
  }
  out.push_back('T');
  append_unit(out, seconds / 3600 % 24, 'H');
  append_unit(out, seconds / 60 % 60, 'M');
  if (seconds % 60 == 0 && micros == 0 && value != 0) {
    return;
  }
  json::append_int(out, seconds % 60);
  if (micros != 0) {
    const std::string digits = std::to_string(kMicros + micros);  // with its zeros in front
    out.append(".").append(digits, 1, digits.find_last_not_of('0'));
  }
  out.push_back('S');
}

double total_seconds(Duration value) noexcept {
  __extension__ typedef __float128 Quotient;  // NOLINT(modernize-use-using): Python divides without rounding twice
  return static_cast<double>(static_cast<Quotient>(value) / static_cast<Quotient>(kMicros));
}

}  // namespace data_bridge::schema
