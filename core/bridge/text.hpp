// Text of a request as Python objects, for scope, parameters and fields; and bytes as views.
#pragma once

#include <Python.h>

#include <cstddef>
#include <optional>
#include <string_view>

namespace data_bridge::bridge {

/// What a bytes object has, while it lives.
[[nodiscard]] inline std::string_view bytes_view(PyObject* bytes) noexcept {
  return {PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))};
}

/// What a str of ASCII has, while it lives; nothing where `object` is none, or null.
[[nodiscard]] inline std::optional<std::string_view> ascii_view(PyObject* object) noexcept {
  if (object == nullptr || !PyUnicode_CheckExact(object) || !PyUnicode_IS_ASCII(object)) return std::nullopt;
  return std::string_view(static_cast<const char*>(PyUnicode_DATA(object)),
                          static_cast<std::size_t>(PyUnicode_GET_LENGTH(object)));
}

/// A new str of a path, decoded as urllib.parse.unquote() does it; null on failure.
PyObject* path_str(std::string_view raw);

/// A new str of a name or value of a query, decoded as urllib.parse.parse_qsl() does it; null on failure.
PyObject* query_text_str(std::string_view raw);

/// A new bytes of `name` in lower case (ASCII); null on failure.
PyObject* lowercase_bytes(std::string_view name);

}  // namespace data_bridge::bridge
