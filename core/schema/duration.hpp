// Reading durations as Pydantic does (speedate), and writing them as ISO 8601.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "json/value.hpp"

namespace data_bridge::schema {

/// In microseconds: the 999,999,999 days of a timedelta are beyond 64 bits.
__extension__ typedef __int128 Duration;  // NOLINT(modernize-use-using): the pedantic form of an extension

/// timedelta.min; Pydantic reads less, and then Python raises OverflowError.
constexpr Duration kMinDuration = Duration(-999'999'999) * 86'400 * 1'000'000;

/// "-P1DT3.5S", "1 day, 10:00:00.5", "2d", "100:00". The errors are static.
[[nodiscard]] std::expected<Duration, std::string_view> parse_duration(std::string_view text);
/// Of seconds.
[[nodiscard]] std::expected<Duration, std::string_view> duration_from_number(const json::Value& number);

/// "P1Y2DT3H4M5.5S", with years of 365 days.
void append_duration(std::string& out, Duration value);
/// timedelta.total_seconds().
[[nodiscard]] double total_seconds(Duration value) noexcept;

}  // namespace data_bridge::schema
