// The encodings that json.loads(bytes) tells apart, and their way to UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace data_bridge::json {

enum class Encoding : std::uint8_t { kUtf8, kUtf8Bom, kUtf16, kUtf16Le, kUtf16Be, kUtf32, kUtf32Le, kUtf32Be };

/// json.detect_encoding(): a byte order mark, else the pattern of NULs (RFC 4627, 3).
/// kUtf16 and kUtf32 begin with a byte order mark.
[[nodiscard]] Encoding detect_encoding(std::string_view bytes) noexcept;

/// Appends UTF-16 or UTF-32 as UTF-8, lone surrogates kept (Python's "surrogatepass"). False for
/// truncated units and code points above U+10FFFF.
[[nodiscard]] bool decode(std::string_view bytes, Encoding encoding, std::string& out);

}  // namespace data_bridge::json
