// Decoded text of a request as Python objects.
#include "bridge/text.hpp"

#include <algorithm>

#include "text/characters.hpp"
#include "text/percent.hpp"
#include "text/query_string.hpp"

namespace data_bridge::bridge {
namespace {

PyObject* utf8_str(std::string_view text) {
  return PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
}

}  // namespace

PyObject* path_str(std::string_view raw) {
  if (!raw.contains('%')) return utf8_str(raw);
  return utf8_str(text::decode_path(raw));
}

PyObject* query_text_str(std::string_view raw) {
  if (raw.find_first_of("%+") == std::string_view::npos) {
    return PyUnicode_DecodeLatin1(raw.data(), static_cast<Py_ssize_t>(raw.size()), nullptr);
  }
  return utf8_str(text::decode_query_text(raw));
}

PyObject* lowercase_bytes(std::string_view name) {
  PyObject* bytes = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(name.size()));
  if (bytes != nullptr) std::ranges::transform(name, PyBytes_AS_STRING(bytes), text::to_lower);
  return bytes;
}

}  // namespace data_bridge::bridge
