// Reading datetimes, dates and times as Pydantic does (speedate), and writing them as ISO 8601.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "json/value.hpp"

namespace data_bridge::schema {

struct Datetime {
  std::int32_t year = 1;  ///< 0..9999
  std::uint8_t month = 1;
  std::uint8_t day = 1;
  std::uint8_t hour = 0;
  std::uint8_t minute = 0;
  std::uint8_t second = 0;
  std::uint32_t microsecond = 0;
  std::optional<std::int32_t> utc_offset;  ///< seconds; none: naive
};

struct DatetimeError {
  bool from_date;            ///< Pydantic's datetime_from_date_parsing; else datetime_parsing
  std::string_view message;  ///< static
};

/// What is said of the year 0, which Python has no date of, once everything else is right.
inline constexpr std::string_view kYearZero = "year 0 is out of range";

/// ISO 8601 with its lax forms, a date alone, or a unix time in digits; `exponents`: also "1.7e9", as since
/// Pydantic 2.12.
[[nodiscard]] std::expected<Datetime, DatetimeError> parse_datetime(std::string_view text, bool exponents = true);

/// A unix time: seconds up to 2e10, milliseconds above; UTC. `number` is kInt, kBigInt or kDouble.
[[nodiscard]] std::expected<Datetime, DatetimeError> datetime_from_number(const json::Value& number);

struct DateError {
  bool is_inexact;           ///< Pydantic's date_from_datetime_inexact; else date_from_datetime_parsing
  std::string_view message;  ///< static
};

/// A date, or a datetime of any form at midnight.
[[nodiscard]] std::expected<Datetime, DateError> parse_date(std::string_view text, bool exponents = true);
[[nodiscard]] std::expected<Datetime, DateError> date_from_number(const json::Value& number);

/// "HH:MM[:SS[.ffffff]]", with or without an offset where there may be one. Of the result only the time counts. The
/// errors are static.
[[nodiscard]] std::expected<Datetime, std::string_view> parse_time(std::string_view text, bool may_have_offset = true);
/// Seconds since midnight UTC.
[[nodiscard]] std::expected<Datetime, std::string_view> time_from_number(const json::Value& number);

/// "2024-01-31"
void append_date(std::string& out, const Datetime& value);
/// "10:00:00.120000+05:30"; UTC as "Z".
void append_time(std::string& out, const Datetime& value);
/// Both with a "T" between them.
void append_datetime(std::string& out, const Datetime& value);

}  // namespace data_bridge::schema
