// Values that are kept as text and do not sort by its letters: what they are compared by.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/row.hpp"
#include "storage/table.hpp"

namespace data_bridge::storage {

// Each takes what Pydantic's JSON mode writes; nullopt for anything else.

/// Microseconds since 1970-01-01T00:00:00Z of "2024-01-31T10:00:00.120000+05:30"; without an offset it is UTC.
[[nodiscard]] std::optional<std::int64_t> instant_order(std::string_view text) noexcept;

/// Microseconds since midnight UTC of "10:00:00.120000+05:30", negative or beyond a day where the offset leads there
/// (as Python compares them); without an offset it is UTC.
[[nodiscard]] std::optional<std::int64_t> time_order(std::string_view text) noexcept;

/// Text that sorts, byte by byte, as the numbers do: of any integer and any Decimal ("1.10", "-1E+30"), to the last
/// digit, where equal numbers have equal texts. At most 4,300 digits and an exponent of 18, which are Python's limits.
[[nodiscard]] std::optional<std::string> decimal_order(std::string_view text);

/// decimal_order() of the microseconds of an ISO 8601 duration in years of 365 and months of 30 days, weeks, days,
/// hours, minutes and seconds ("-P1DT3.5S"), or of its seconds as a number.
[[nodiscard]] std::optional<std::string> duration_order(std::string_view text);

/// As which kind a field is compared: an integer inside of JSON has any number of digits.
[[nodiscard]] ColumnKind order_kind(const Field& field) noexcept;

/// What a value of `kind` is compared by: itself, or one of these; NULL where its text is no such value.
[[nodiscard]] Cell order_value(ColumnKind kind, const Cell& cell);

}  // namespace data_bridge::storage
