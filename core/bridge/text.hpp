// Small pieces of text handling shared by scope and parameters: percent-decoding, case.
#pragma once

#include <Python.h>

#include <string>
#include <string_view>

namespace data_bridge::bridge {

/// Appends `text` with %XX resolved, malformed escapes kept as they are (urllib.parse.unquote_to_bytes).
/// `plus_is_space` for the query string.
void percent_decode(std::string_view text, bool plus_is_space, std::string& out);

/// A new str of `text` as urllib.parse.unquote(errors="replace") gives it; null on failure.
PyObject* unquoted_str(std::string_view text, bool plus_is_space);

/// A new bytes of `name` in lower case (ASCII); null on failure.
PyObject* lowercase_bytes(std::string_view name);

[[nodiscard]] bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept;

}  // namespace data_bridge::bridge
