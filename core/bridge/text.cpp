// Percent-decoding as urllib.parse does it.
#include "bridge/text.hpp"

#include <algorithm>
#include <string>

#include "http/characters.hpp"
#include "routing/percent.hpp"

namespace data_bridge::bridge {

PyObject* unquoted_str(std::string_view text, bool plus_is_space) {
  const bool plain =
      text.find('%') == std::string_view::npos && (!plus_is_space || text.find('+') == std::string_view::npos);
  if (plain) return PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
  const std::string raw = plus_is_space ? routing::plus_to_space(text) : std::string(text);
  std::string decoded;
  routing::append_unescaped(decoded, raw);
  return PyUnicode_DecodeUTF8(decoded.data(), static_cast<Py_ssize_t>(decoded.size()), "replace");
}

PyObject* lowercase_bytes(std::string_view name) {
  PyObject* bytes = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(name.size()));
  if (bytes != nullptr) std::ranges::transform(name, PyBytes_AS_STRING(bytes), http::to_lower);
  return bytes;
}

}  // namespace data_bridge::bridge
