// The time, as text.
#pragma once

#include <string>

namespace data_bridge::text {

/// As Pydantic's JSON mode writes a datetime in UTC: "2024-01-31T10:00:00.120000Z", without a fraction where it is 0.
[[nodiscard]] std::string utc_now();

}  // namespace data_bridge::text
