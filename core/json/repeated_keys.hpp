// Objects as a Python dict would hold them: every key once.
#pragma once

#include <cstddef>

#include "json/value.hpp"

namespace data_bridge::json {

/// Of `count` members in the order of the text, keeps every key once, in its first place and with its
/// last value, as assigning to a dict does. Returns how many are left at the start of `members`.
[[nodiscard]] std::size_t drop_repeated_keys(Member* members, std::size_t count);

}  // namespace data_bridge::json
