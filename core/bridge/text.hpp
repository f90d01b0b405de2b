// Small pieces of text handling shared by scope and parameters: percent-decoding, lower case.
#pragma once

#include <Python.h>

#include <string_view>

namespace data_bridge::bridge {

/// A new str of `text` as urllib.parse.unquote(errors="replace") gives it; null on failure.
PyObject* unquoted_str(std::string_view text, bool plus_is_space);

/// A new bytes of `name` in lower case (ASCII); null on failure.
PyObject* lowercase_bytes(std::string_view name);

}  // namespace data_bridge::bridge
