// New identifiers (RFC 9562).
#pragma once

#include <string>

namespace data_bridge::text {

/// A version 7 UUID (section 5.7) as 36 lower-case characters. Strictly increasing within the process, also across
/// threads and when the clock is set back. Throws std::system_error where the kernel gives no random bytes.
[[nodiscard]] std::string make_uuid7();

/// The same of version 4: 122 random bits, in no order.
[[nodiscard]] std::string make_uuid4();

}  // namespace data_bridge::text
