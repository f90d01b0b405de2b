// From a request's percent-encoded path to the text that routes are matched on.
#pragma once

#include <string>
#include <string_view>

namespace data_bridge::routing {

/// What Python's urllib.parse.unquote() makes of an ASCII path: escapes decoded, a '%' without two hex
/// digits kept, bytes that are no UTF-8 replaced by U+FFFD, one for each maximal part of a sequence. Always valid
/// UTF-8.
[[nodiscard]] std::string decode_path(std::string_view path);

/// Appends `text` as urllib.parse.quote(text, safe=":/%#?=@[]!$&'()*+,;") writes it: how Starlette
/// makes a Location header of a URL.
void append_location(std::string& out, std::string_view text);

}  // namespace data_bridge::routing
