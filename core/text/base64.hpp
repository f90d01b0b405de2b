// Base64 in the alphabet of URLs, without padding (RFC 4648, 5).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace data_bridge::text {

void append_base64url(std::string& out, std::string_view bytes);
[[nodiscard]] std::string to_base64url(std::string_view bytes);

/// nullopt for what to_base64url() does not write: padding, blanks, other letters, and bits that say nothing set, so
/// that one token has one spelling.
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);

}  // namespace data_bridge::text
