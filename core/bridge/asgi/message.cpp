// ASGI messages as dicts; checks and texts as in uvicorn's httptools_impl.py.
#include "bridge/asgi/message.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "bridge/asgi/names.hpp"
#include "bridge/text.hpp"
#include "http/characters.hpp"
#include "text/characters.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

// ASCII separators and controls: what uvicorn's HEADER_RE refuses in a name.
bool valid_name(std::string_view name) noexcept {
  constexpr std::string_view kRefused = "()<>@,;:[]={} \t\\\"";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || kRefused.find(c) != std::string_view::npos) return false;
  }
  return true;
}

/// What int() makes of it.
std::optional<std::int64_t> read_length(std::string_view value) {
  PyRef text = PyRef::steal(PyUnicode_DecodeASCII(value.data(), static_cast<Py_ssize_t>(value.size()), nullptr));
  PyRef number = PyRef::steal(text ? PyLong_FromUnicodeObject(text.get(), 10) : nullptr);
  if (!number) return std::nullopt;
  const long long length = PyLong_AsLongLong(number.get());
  if (length == -1 && PyErr_Occurred() != nullptr) return std::nullopt;
  return length;
}

/// uvicorn lower-cases a name, which bytes and bytearrays can, and joins a value, which all buffers can.
bool make_bytes(PyRef& field, bool convertible) {
  if (PyBytes_Check(field.get())) return true;
  if (!convertible) {
    PyErr_Format(PyExc_TypeError, "header names and values must be bytes, not %.100s", Py_TYPE(field.get())->tp_name);
    return false;
  }
  field = PyRef::steal(PyBytes_FromObject(field.get()));
  return static_cast<bool>(field);
}

/// One (name, value), as bytes that may be sent.
bool read_field(PyObject* item, PyRef& field_name, PyRef& field_value) {
  PyRef pair = PyRef::steal(PySequence_Fast(item, "a header is a pair"));
  if (!pair) return false;
  if (PySequence_Fast_GET_SIZE(pair.get()) != 2) {
    PyErr_SetString(PyExc_ValueError, "a header is a pair of bytes");
    return false;
  }
  field_name = PyRef::borrow(PySequence_Fast_GET_ITEM(pair.get(), 0));
  field_value = PyRef::borrow(PySequence_Fast_GET_ITEM(pair.get(), 1));
  if (!make_bytes(field_name, PyByteArray_Check(field_name.get()) != 0) ||
      !make_bytes(field_value, PyObject_CheckBuffer(field_value.get()) != 0)) {
    return false;
  }
  if (!valid_name(bytes_view(field_name.get()))) {
    PyErr_SetString(PyExc_RuntimeError, "Invalid HTTP header name.");
    return false;
  }
  if (http::has_control(bytes_view(field_value.get()))) {
    PyErr_SetString(PyExc_RuntimeError, "Invalid HTTP header value.");
    return false;
  }
  return true;
}

/// One (name, value) of a start message.
bool read_header(PyObject* item, StartMessage& out) {
  PyRef field_name;
  PyRef field_value;
  if (!read_field(item, field_name, field_value)) return false;
  const std::string_view raw_name = bytes_view(field_name.get());
  const std::string_view value = bytes_view(field_value.get());
  if (text::equals_ignoring_case(raw_name, "content-length")) {
    out.repeats_length = out.content_length.has_value();
    if (!out.content_length) out.content_length = read_length(value);
    if (!out.content_length) return false;
  }
  PyRef lower = PyRef::steal(lowercase_bytes(raw_name));
  if (!lower) return false;
  out.headers.push_back({bytes_view(lower.get()), value});
  out.owners.push_back(std::move(lower));
  out.owners.push_back(std::move(field_value));
  return true;
}

/// message["headers"] as a sequence; an empty one where there are none. Empty with an exception set on failure.
PyRef header_sequence(PyObject* message) {
  const AsgiNames& name = asgi_names();
  if (PyMapping_HasKey(message, name.headers) == 0) return PyRef::steal(PyTuple_New(0));
  PyRef headers = PyRef::steal(PyObject_GetItem(message, name.headers));
  return PyRef::steal(headers ? PySequence_Fast(headers.get(), "headers must be iterable") : nullptr);
}

/// The fields of a start or of trailers.
bool read_fields(PyObject* message, StartMessage& out) {
  const PyRef fields = header_sequence(message);
  if (!fields) return false;
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(fields.get());
  out.headers.reserve(static_cast<std::size_t>(count));
  out.owners.reserve(2 * static_cast<std::size_t>(count));
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (!read_header(PySequence_Fast_GET_ITEM(fields.get(), i), out)) return false;
  }
  return true;
}

/// message[key], where it is there, as bool() has it.
bool read_flag(PyObject* message, PyObject* key, bool& out) {
  if (PyMapping_HasKey(message, key) == 0) return true;
  const PyRef value = PyRef::steal(PyObject_GetItem(message, key));
  const int truth = value ? PyObject_IsTrue(value.get()) : -1;
  out = truth == 1;
  return truth >= 0;
}

}  // namespace

bool read_headers(PyObject* message, bool lower, std::vector<std::pair<std::string, std::string>>& out) {
  const PyRef fields = header_sequence(message);
  if (!fields) return false;
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(fields.get());
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyRef name;
    PyRef value;
    if (!read_field(PySequence_Fast_GET_ITEM(fields.get(), i), name, value)) return false;
    std::string spelled(bytes_view(name.get()));
    if (lower) std::ranges::transform(spelled, spelled.begin(), text::to_lower);
    out.emplace_back(std::move(spelled), bytes_view(value.get()));
  }
  return true;
}

bool read_start_message(PyObject* message, StartMessage& out) {
  const AsgiNames& name = asgi_names();
  PyRef status_object = PyRef::steal(PyObject_GetItem(message, name.status));
  if (!status_object) return false;
  const long status = PyLong_AsLong(status_object.get());
  if (status == -1 && PyErr_Occurred() != nullptr) return false;
  out.status = static_cast<int>(status);
  if (status < 100 || status > 599) {
    PyErr_SetObject(PyExc_KeyError, status_object.get());
    return false;
  }
  return read_fields(message, out) && read_flag(message, name.trailers, out.trailers);
}

bool read_trailers_message(PyObject* message, StartMessage& out, bool& more) {
  return read_fields(message, out) && read_flag(message, asgi_names().more_trailers, more);
}

bool read_path_message(PyObject* message, PathMessage& out) {
  const AsgiNames& name = asgi_names();
  out.path = PyRef::steal(PyObject_GetItem(message, name.path));
  if (!out.path) return false;
  PyObject* encoded = nullptr;
  if (PyUnicode_FSConverter(out.path.get(), &encoded) == 0) return false;
  out.encoded = bytes_view(PyRef::steal(encoded).get());
  if (PyMapping_HasKey(message, name.parts) == 0) return true;
  const PyRef parts = PyRef::steal(PyObject_GetItem(message, name.parts));
  const PyRef after = PyRef::steal(PyObject_GetItem(message, name.after));
  if (!parts || !after || !PyList_Check(parts.get()) || !PyBytes_Check(after.get())) return false;
  out.after = bytes_view(after.get());
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts.get()); ++i) {
    PyObject* before = nullptr;
    unsigned long long offset = 0;
    unsigned long long count = 0;
    if (PyArg_ParseTuple(PyList_GET_ITEM(parts.get(), i), "SKK", &before, &offset, &count) == 0) return false;
    out.parts.push_back({.before = std::string(bytes_view(before)), .offset = offset, .size = count});
  }
  return true;
}

// What is false is no body, whatever it is: None, most of all.
bool open_body(PyObject* body, ByteView& out) {
  const int truth = PyObject_CheckBuffer(body) != 0 ? 1 : PyObject_IsTrue(body);
  return truth >= 0 && (truth == 0 || out.open(body));
}

bool read_body_message(PyObject* message, BodyMessage& out) {
  const AsgiNames& name = asgi_names();
  if (PyMapping_HasKey(message, name.body) != 0) {
    out.owner = PyRef::steal(PyObject_GetItem(message, name.body));
    if (!out.owner || !open_body(out.owner.get(), out.bytes)) return false;
  }
  return read_flag(message, name.more_body, out.more_body);
}

PyRef message_type(PyObject* message) { return PyRef::steal(PyObject_GetItem(message, asgi_names().type)); }

bool read_request_message(PyObject* message, RequestMessage& out) {
  const AsgiNames& name = asgi_names();
  const PyRef type = message_type(message);
  if (!type) return false;
  if (PyObject_RichCompareBool(type.get(), name.http_request, Py_EQ) != 1) {
    out.disconnected = PyObject_RichCompareBool(type.get(), name.http_disconnect, Py_EQ) == 1;
    return PyErr_Occurred() == nullptr;
  }
  out.body = PyRef::steal(PyMapping_HasKey(message, name.body) != 0 ? PyObject_GetItem(message, name.body)
                                                                    : PyBytes_FromStringAndSize(nullptr, 0));
  if (!out.body) return false;
  out.more_body = false;
  if (PyMapping_HasKey(message, name.more_body) == 0) return true;
  const PyRef more_body = PyRef::steal(PyObject_GetItem(message, name.more_body));
  const int truth = more_body ? PyObject_IsTrue(more_body.get()) : -1;
  out.more_body = truth == 1;
  return truth >= 0;
}

PyRef make_request_message(std::string_view body, bool more_body) {
  const AsgiNames& name = asgi_names();
  PyRef message = PyRef::steal(PyDict_New());
  PyRef bytes = PyRef::steal(PyBytes_FromStringAndSize(body.data(), static_cast<Py_ssize_t>(body.size())));
  if (!message || !bytes || PyDict_SetItem(message.get(), name.type, name.http_request) != 0 ||
      PyDict_SetItem(message.get(), name.body, bytes.get()) != 0 ||
      PyDict_SetItem(message.get(), name.more_body, more_body ? Py_True : Py_False) != 0) {
    return {};
  }
  return message;
}

PyRef make_disconnect_message() {
  PyRef message = PyRef::steal(PyDict_New());
  if (!message || PyDict_SetItem(message.get(), asgi_names().type, asgi_names().http_disconnect) != 0) return {};
  return message;
}

PyRef AnswerMessages::begin(PyObject* status, PyObject* headers, PyObject* body) {
  const AsgiNames& name = asgi_names();
  PyRef start = PyRef::steal(PyDict_New());
  rest_ = PyRef::steal(PyDict_New());
  if (!start || !rest_ || PyDict_SetItem(start.get(), name.type, name.http_response_start) != 0 ||
      PyDict_SetItem(start.get(), name.status, status) != 0 ||
      PyDict_SetItem(start.get(), name.headers, headers) != 0 ||
      PyDict_SetItem(rest_.get(), name.type, name.http_response_body) != 0 ||
      PyDict_SetItem(rest_.get(), name.body, body) != 0) {
    return {};
  }
  return start;
}

PyRef json_fields(std::size_t size, PyObject* headers) {
  PyRef fields =
      PyRef::steal(Py_BuildValue("[(yN)(yy)]", "content-length", PyBytes_FromString(std::to_string(size).c_str()),
                                 "content-type", "application/json"));
  if (fields && headers != nullptr && PyList_SetSlice(fields.get(), 2, 2, headers) != 0) return {};
  return fields;
}

}  // namespace data_bridge::bridge
