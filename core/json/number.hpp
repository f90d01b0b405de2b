// Decimal text to double.
#pragma once

#include <charconv>

namespace data_bridge::json {

/// std::from_chars, but a number out of range is an infinity or a zero, as for strtod: `ec` is then unset.
std::from_chars_result read_double(const char* first, const char* last, double& value) noexcept;

}  // namespace data_bridge::json
