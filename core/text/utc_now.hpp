// The time, as text.
#pragma once

#include <chrono>
#include <string>

namespace data_bridge::text {

/// As Pydantic's JSON mode writes a datetime in UTC: "2024-01-31T10:00:00.120000Z", without a fraction where it is 0.
[[nodiscard]] std::string utc_now();

/// What clocks show `offset` east of Greenwich: the same without a "Z".
[[nodiscard]] std::string wall_clock(std::chrono::seconds offset);

}  // namespace data_bridge::text
