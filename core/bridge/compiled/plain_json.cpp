// The native JSON writer for exact builtin types.
#include "bridge/compiled/plain_json.hpp"

#include <cmath>
#include <string_view>

#include "bridge/compiled/scalar_objects.hpp"
#include "json/writer.hpp"

namespace data_bridge::bridge {

namespace {

// Far below where json.dumps() and jsonable_encoder() raise RecursionError.
constexpr int kMaxDepth = 100;

bool append_value(std::string& out, PyObject* value, int depth);

bool append_float(std::string& out, PyObject* value) {
  const double number = PyFloat_AS_DOUBLE(value);
  if (!std::isfinite(number)) return false;
  json::append_python_repr(out, number);
  return true;
}

template <typename Item>
bool append_sequence(std::string& out, Py_ssize_t size, Item item, int depth) {
  out.push_back('[');
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (i != 0) out.push_back(',');
    if (!append_value(out, item(i), depth)) return false;
  }
  out.push_back(']');
  return true;
}

bool append_dict(std::string& out, PyObject* dict, int depth) {
  out.push_back('{');
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Py_ssize_t position = 0;
  bool first = true;
  while (PyDict_Next(dict, &position, &key, &value) != 0) {
    if (!PyUnicode_CheckExact(key)) return false;
    if (!first) out.push_back(',');
    first = false;
    const std::size_t start = out.size();
    if (!append_str(out, key)) return false;
    // jsonable_encoder drops SQLAlchemy's members.
    if (std::string_view(out).substr(start).starts_with("\"_sa")) return false;
    out.push_back(':');
    if (!append_value(out, value, depth)) return false;
  }
  out.push_back('}');
  return true;
}

bool append_value(std::string& out, PyObject* value, int depth) {
  if (value == Py_None) {
    out.append("null");
    return true;
  }
  if (value == Py_True || value == Py_False) {
    out.append(value == Py_True ? "true" : "false");
    return true;
  }
  if (PyUnicode_CheckExact(value)) return append_str(out, value);
  if (PyLong_CheckExact(value)) return append_int(out, value);
  if (PyFloat_CheckExact(value)) return append_float(out, value);
  if (depth == kMaxDepth) return false;
  if (PyDict_CheckExact(value)) return append_dict(out, value, depth + 1);
  if (PyList_CheckExact(value)) {
    return append_sequence(
        out, PyList_GET_SIZE(value), [value](Py_ssize_t i) { return PyList_GET_ITEM(value, i); }, depth + 1);
  }
  if (PyTuple_CheckExact(value)) {
    return append_sequence(
        out, PyTuple_GET_SIZE(value), [value](Py_ssize_t i) { return PyTuple_GET_ITEM(value, i); }, depth + 1);
  }
  return false;
}

}  // namespace

bool append_plain_json(std::string& out, PyObject* value) { return append_value(out, value, 0); }

}  // namespace data_bridge::bridge
