// UTF-8: strict checks and counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace data_bridge::json {

enum class Utf8 : std::uint8_t {
  kAscii,
  kValid,
  kSurrogates,  ///< valid but for encoded surrogates (U+D800..U+DFFF), which Python's "surrogatepass" lets through
  kInvalid,     ///< also overlong forms and code points above U+10FFFF
};

[[nodiscard]] Utf8 check_utf8(std::string_view bytes) noexcept;

/// Code points in valid (or surrogatepass) UTF-8: what len() gives in Python.
[[nodiscard]] std::size_t count_code_points(std::string_view text) noexcept;

/// Appends one code point, surrogates included.
void append_code_point(std::string& out, std::uint32_t code_point);

}  // namespace data_bridge::json
