// Time-ordered identifiers (RFC 9562, 5.7).
#pragma once

#include <string>

namespace data_bridge::text {

/// A version 7 UUID as 36 lower-case characters. Strictly increasing within the process, also across
/// threads and when the clock is set back. Throws std::system_error where the kernel gives no random bytes.
[[nodiscard]] std::string make_uuid7();

}  // namespace data_bridge::text
