// New identifiers (RFC 9562).
#pragma once

#include <cstdint>
#include <string>

namespace data_bridge::text {

/// Whether identifiers of a version can be made of the time and of random bits: 1, 4, 6, 7 and 8. Those of 3 and 5 are
/// made of names.
[[nodiscard]] bool can_make_uuid(std::uint8_t version) noexcept;

/// A UUID of a version that can_make_uuid(), as 36 lower-case characters. Those of versions 6 and 7 are strictly
/// increasing within the process, also across threads and when the clock is set back. Throws std::system_error where
/// the kernel gives no random bytes.
[[nodiscard]] std::string make_uuid(std::uint8_t version);

}  // namespace data_bridge::text
