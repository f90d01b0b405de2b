// How Pydantic reads numbers and booleans out of strings.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "json/value.hpp"

namespace data_bridge::schema {

/// Without the Unicode white space at both ends (Rust's str::trim: not Python's, which also takes 0x1c-0x1f).
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

enum class IntError : std::uint8_t { kParsing, kSize };

/// `[+-]?digits` with single underscores between digits, leading zeros, a suffix ".000", white space
/// around. Big integers have their digits in `arena`. kSize: more than 4300 digits.
[[nodiscard]] std::expected<json::Value, IntError> parse_int(std::string_view text, json::Arena& arena);

/// As Rust's f64::from_str after trimming, or else after taking out single underscores.
[[nodiscard]] std::optional<double> parse_float(std::string_view text);

[[nodiscard]] std::optional<bool> parse_bool(std::string_view text) noexcept;

/// The sign of `left - right`; both kInt or kBigInt.
[[nodiscard]] int compare_ints(const json::Value& left, const json::Value& right) noexcept;

/// `value` (kInt or kBigInt) divides by `divisor` > 0.
[[nodiscard]] bool is_multiple(const json::Value& value, std::int64_t divisor) noexcept;

/// kInt or kBigInt to the nearest double; infinite beyond its range.
[[nodiscard]] double int_to_double(const json::Value& value);

/// What dates, times and durations take for a number: not an integer beyond the range of a double.
[[nodiscard]] bool is_number(const json::Value& value);

/// A number inside a message: shortest digits without exponent and without ".0" (Rust's Display).
void append_display(std::string& out, double value);

}  // namespace data_bridge::schema
