// The walk over a response's values. What pydantic-core does with each is said at its case.
#include "bridge/compiled/response_writer.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include "bridge/compiled/scalar_objects.hpp"
#include "json/writer.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

// Far below where Pydantic reports recursion.
constexpr int kMaxDepth = 100;
// After as many refusals in a row, only one of as many is tried.
constexpr unsigned kRefusals = 32;

bool is_bool(PyObject* value) { return value == Py_True || value == Py_False; }

}  // namespace

bool ResponseWriter::write(std::string& out, PyObject* value) const {
  if (refused_ >= kRefusals && ++refused_ % kRefusals != 0) return false;
  const bool written = write_node(out, nodes_.front(), value, Source::kUnchecked, 0);
  refused_ = written ? 0 : std::max(refused_ + 1, 1U);
  return written;
}

bool ResponseWriter::write_node(std::string& out, const Node& node, PyObject* value, Source source, int depth) const {
  const bool checks = source == Source::kUnchecked;
  if (checks && !node.checks && node.kind != Kind::kModel) return false;
  const auto within = [&node](double number) {
    return number >= node.least && number <= node.most && number > node.above && number < node.below;
  };
  switch (node.kind) {
    case Kind::kAny:
      return write_any(out, value, depth);
    case Kind::kNone:
      out.append("null");
      return value == Py_None;
    case Kind::kBool:
      out.append(value == Py_True ? "true" : "false");
      return is_bool(value);
    case Kind::kInt: {
      if (!PyLong_CheckExact(value)) return false;
      int overflow = 0;
      const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
      if (overflow != 0) return false;
      // Bounds are exact doubles; a number beyond those is on the same side of each as its nearest double.
      if (checks && !within(static_cast<double>(number))) return false;
      json::append_int(out, number);
      return true;
    }
    case Kind::kFloat: {
      if (PyFloat_CheckExact(value)) {
        const double number = PyFloat_AS_DOUBLE(value);
        return (!checks || within(number)) && write_double(out, number);
      }
      // An int becomes a float where it is validated; where it is not, Pydantic warns.
      if (!checks || !PyLong_CheckExact(value)) return false;
      int overflow = 0;
      const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
      constexpr long long kLargestExact = 1LL << 53;
      if (overflow != 0 || number > kLargestExact || number < -kLargestExact) return false;
      return within(static_cast<double>(number)) && write_double(out, static_cast<double>(number));
    }
    case Kind::kStr:
      if (!PyUnicode_CheckExact(value)) return false;
      if (checks && !within(static_cast<double>(PyUnicode_GET_LENGTH(value)))) return false;
      return append_str(out, value);
    case Kind::kDatetime:
    case Kind::kDate:
    case Kind::kUuid:
    case Kind::kDecimal:
      return reinterpret_cast<PyObject*>(Py_TYPE(value)) == node.cls.get() && append_scalar_object(out, value);
    case Kind::kLiteral:
    case Kind::kEnum: {
      if (node.kind == Kind::kLiteral || (checks && PyUnicode_CheckExact(value))) {
        if (!PyUnicode_CheckExact(value)) return false;
        PyObject* const text = PyDict_GetItemWithError(node.values.get(), value);
        const char* const json = text != nullptr ? PyUnicode_AsUTF8(text) : nullptr;
        PyErr_Clear();
        if (json != nullptr) out.append(json);
        return json != nullptr;
      }
      const auto found =
          std::ranges::find_if(node.choices, [value](const auto& choice) { return choice.first.get() == value; });
      if (found == node.choices.end()) return false;
      out.append(found->second);
      return true;
    }
    case Kind::kNullable:
      if (value == Py_None) {
        out.append("null");
        return true;
      }
      return write_node(out, nodes_[node.item], value, source, depth);
    case Kind::kList:
      if (!PyList_CheckExact(value)) return false;
      if (checks && !within(static_cast<double>(PyList_GET_SIZE(value)))) return false;
      return write_list(out, nodes_[node.item], value, source, depth);
    case Kind::kDict:
      if (!PyDict_CheckExact(value)) return false;
      if (checks && !within(static_cast<double>(PyDict_Size(value)))) return false;
      return write_dict(out, nodes_[node.item], value, source, depth);
    case Kind::kSet:
      return PySet_CheckExact(value) && write_set(out, nodes_[node.item], value, source, depth);
    case Kind::kUnion:
      return write_union(out, node, value, source, depth);
    case Kind::kFunction:
      return write_node(out, nodes_[node.item], value, source, depth);
    case Kind::kModel:
      return write_model(out, node, value, source, depth);
  }
  return false;
}

bool ResponseWriter::write_double(std::string& out, double value) const {
  const double size = std::fabs(value);
  if (!std::isfinite(value) || (!exponents_ && (size >= 1e16 || (size < 1e-4 && size != 0)))) return false;
  json::append_bounded(out, json::kDoubleBound, [&](char* to) { return json::write_double(to, value, floats_); });
  return true;
}

/// As pydantic-core infers from the type: exact ones of JSON.
bool ResponseWriter::write_any(std::string& out, PyObject* value, int depth) const {
  static const Node kAnything;
  if (value == Py_None) {
    out.append("null");
    return true;
  }
  if (is_bool(value)) {
    out.append(value == Py_True ? "true" : "false");
    return true;
  }
  if (PyLong_CheckExact(value)) return append_int(out, value);
  if (PyFloat_CheckExact(value)) return write_double(out, PyFloat_AS_DOUBLE(value));
  if (PyUnicode_CheckExact(value)) return append_str(out, value);
  if (PyList_CheckExact(value)) return write_list(out, kAnything, value, Source::kInstance, depth);
  if (PyDict_CheckExact(value)) return write_dict(out, kAnything, value, Source::kInstance, depth);
  return false;
}

bool ResponseWriter::write_list(std::string& out, const Node& item, PyObject* list, Source source, int depth) const {
  if (depth == kMaxDepth) return false;
  out.push_back('[');
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) {
    if (i != 0) out.push_back(',');
    if (!write_node(out, item, PyList_GET_ITEM(list, i), source, depth + 1)) return false;
  }
  out.push_back(']');
  return true;
}

/// In the order that the set has.
bool ResponseWriter::write_set(std::string& out, const Node& item, PyObject* set, Source source, int depth) const {
  const PyRef iterator = PyRef::steal(depth == kMaxDepth ? nullptr : PyObject_GetIter(set));
  char separator = '[';
  while (iterator) {
    const PyRef value = PyRef::steal(PyIter_Next(iterator.get()));
    if (!value) break;
    out.push_back(separator);
    separator = ',';
    if (!write_node(out, item, value.get(), source, depth + 1)) return false;
  }
  if (PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    return false;
  }
  out.append(separator == '[' ? "[]" : "]");
  return static_cast<bool>(iterator);
}

/// A dict may fit several models and dicts: which of them is for Pydantic to say.
bool ResponseWriter::write_union(std::string& out, const Node& node, PyObject* value, Source source, int depth) const {
  if (depth == kMaxDepth || PyDict_Check(value)) return false;
  const std::size_t start = out.size();
  return std::ranges::any_of(node.members, [&](std::size_t member) {
    out.resize(start);
    return write_node(out, nodes_[member], value, source, depth + 1);
  });
}

bool ResponseWriter::write_dict(std::string& out, const Node& item, PyObject* dict, Source source, int depth) const {
  if (depth == kMaxDepth) return false;
  out.push_back('{');
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Py_ssize_t position = 0;
  bool first = true;
  while (PyDict_Next(dict, &position, &key, &value) != 0) {
    if (!first) out.push_back(',');
    first = false;
    if (!PyUnicode_CheckExact(key) || !append_str(out, key)) return false;
    out.push_back(':');
    if (!write_node(out, item, value, source, depth + 1)) return false;
  }
  out.push_back('}');
  return true;
}

bool ResponseWriter::write_model(std::string& out, const Node& node, PyObject* value, Source source, int depth) const {
  if (depth == kMaxDepth) return false;
  // An instance is taken as it is: revalidate_instances="never".
  if (reinterpret_cast<PyObject*>(Py_TYPE(value)) == node.cls.get()) {
    return write_instance(out, node, value, depth);
  }
  return source == Source::kUnchecked && node.checks && PyDict_CheckExact(value) &&
         write_members(out, node, value, depth);
}

/// Of a dict: fields in the model's order.
bool ResponseWriter::write_members(std::string& out, const Node& node, PyObject* dict, int depth) const {
  out.push_back('{');
  bool first = true;
  Py_ssize_t found = 0;
  for (const Field& field : node.fields) {
    PyObject* value = nullptr;
    for (std::size_t i = 0; value == nullptr && i < field.keys.size(); ++i) {
      value = PyDict_GetItemWithError(dict, field.keys[i].get());
    }
    if (value != nullptr) {
      ++found;
      if (!write_field(out, field, value, Source::kUnchecked, depth, first)) return false;
    } else if (!field.default_value) {
      PyErr_Clear();
      return false;
    } else if (!exclude_unset_ &&
               !write_field(out, field, field.default_value.get(), Source::kInstance, depth, first)) {
      return false;
    }
  }
  out.push_back('}');
  return !node.forbids_extra || found == PyDict_Size(dict);
}

/// Of an instance: what is in its __dict__, in that order.
bool ResponseWriter::write_instance(std::string& out, const Node& node, PyObject* instance, int depth) const {
  static PyObject* const fields_set = PyUnicode_InternFromString("__pydantic_fields_set__");
  const PyRef dict = PyRef::steal(PyObject_GenericGetDict(instance, nullptr));
  const PyRef set = exclude_unset_ ? PyRef::steal(PyObject_GenericGetAttr(instance, fields_set)) : PyRef();
  if (!dict || PyDict_Size(dict.get()) != static_cast<Py_ssize_t>(node.fields.size()) ||
      (exclude_unset_ && (!set || !PySet_CheckExact(set.get())))) {
    PyErr_Clear();
    return false;
  }
  out.push_back('{');
  bool first = true;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Py_ssize_t position = 0;
  for (auto expected = node.fields.begin(); PyDict_Next(dict.get(), &position, &key, &value) != 0; ++expected) {
    // Nearly always in the model's order, and by the very names; what is not is looked for.
    auto field = expected;
    if (field->name.get() != key) {
      field = std::ranges::find_if(node.fields, [key](const Field& each) {
        return PyUnicode_CheckExact(key) && PyUnicode_Compare(each.name.get(), key) == 0;
      });
    }
    if (field == node.fields.end()) return false;
    if (set && PySet_Contains(set.get(), field->name.get()) != 1) continue;
    if (!write_field(out, *field, value, Source::kInstance, depth, first)) return false;
  }
  out.push_back('}');
  return true;
}

bool ResponseWriter::write_field(std::string& out, const Field& field, PyObject* value, Source source, int depth,
                                 bool& first) const {
  const std::size_t start = out.size();
  json::append_bounded(out, field.text.bound() + 1, [&](char* to) {
    if (!first) *to++ = ',';
    return field.text.write(to);
  });
  if (!write_node(out, nodes_[field.node], value, source, depth + 1)) return false;
  if (field.excluded || (exclude_none_ && value == Py_None)) {  // validated all the same
    out.resize(start);
  } else {
    first = false;
  }
  return true;
}

}  // namespace data_bridge::bridge
