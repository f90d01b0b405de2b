// Decoded text of a request as Python objects, for scope, parameters and fields.
#pragma once

#include <Python.h>

#include <string_view>

namespace data_bridge::bridge {

/// A new str of a path, decoded as urllib.parse.unquote() does it; null on failure.
PyObject* path_str(std::string_view raw);

/// A new str of a name or value of a query, decoded as urllib.parse.parse_qsl() does it; null on failure.
PyObject* query_text_str(std::string_view raw);

/// A new bytes of `name` in lower case (ASCII); null on failure.
PyObject* lowercase_bytes(std::string_view name);

}  // namespace data_bridge::bridge
