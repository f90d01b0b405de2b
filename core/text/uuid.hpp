// Reading UUIDs as Pydantic does (the Rust crate uuid), and their canonical form.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace data_bridge::text {

using UuidText = std::array<char, 36>;  ///< 8-4-4-4-12, lower case

/// Of 128 bits, the upper ones first.
[[nodiscard]] UuidText format_uuid(std::uint64_t high, std::uint64_t low) noexcept;

/// How the crate says what is wrong: it has changed with the releases of pydantic-core.
enum class UuidWords : std::uint8_t {
  kCurrent,  ///< "found `x` at 0": since Pydantic 2.14
  kFromOne,  ///< "found `x` at 1": 2.13
  kLong,     ///< "expected an optional prefix of ..., found `x` at 1": before
};

/// Hyphenated, 32 digits, or hyphenated in braces or behind "urn:uuid:". The error is the crate's text.
[[nodiscard]] std::expected<UuidText, std::string> parse_uuid(std::string_view text,
                                                              UuidWords words = UuidWords::kCurrent);

}  // namespace data_bridge::text
