// Percent-encoding: out of a path or a query into text, and back into URIs.
#pragma once

#include <string>
#include <string_view>

namespace data_bridge::text {

/// What Python's urllib.parse.unquote() makes of an ASCII path: escapes decoded, bytes that are no UTF-8
/// replaced by U+FFFD, one for each maximal part of a sequence. Always valid UTF-8.
[[nodiscard]] std::string decode_path(std::string_view path);

/// Appends `text` with every byte percent-encoded that is not unreserved (RFC 3986, 2.3): one path segment or value.
void append_percent_encoded(std::string& out, std::string_view text);

/// Appends a path, a query or a URL with every byte encoded that no URI may have, so that it can stand in a header:
/// urllib.parse.quote(text, safe=":/%#?=@[]!$&'()*+,;"), with which Starlette makes Location fields.
void append_uri(std::string& out, std::string_view text);

}  // namespace data_bridge::text
