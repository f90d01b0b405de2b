// ASGI's WebSocket messages as dicts; checks and texts as in uvicorn's websockets_sansio_impl.py.
#include "bridge/websocket/messages.hpp"

#include <cstdint>

#include "bridge/asgi/names.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

/// message.get(key); None where it is not there, empty with an exception set on failure.
PyRef get(PyObject* message, PyObject* key) {
  if (PyDict_CheckExact(message)) {
    PyObject* const value = PyDict_GetItemWithError(message, key);
    if (value == nullptr && PyErr_Occurred() != nullptr) return {};
    return PyRef::borrow(value != nullptr ? value : Py_None);
  }
  if (PyMapping_HasKey(message, key) == 0) return PyRef::borrow(Py_None);
  return PyRef::steal(PyObject_GetItem(message, key));
}

bool is_none(const PyRef& object) noexcept { return object.get() == Py_None; }

PyRef decode(std::string_view text) {
  return PyRef::steal(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr));
}

bool set(PyObject* dict, PyObject* key, PyRef value) noexcept {
  return value && PyDict_SetItem(dict, key, value.get()) == 0;
}

PyRef new_message(PyObject* type) {
  PyRef message = PyRef::steal(PyDict_New());
  if (!message || PyDict_SetItem(message.get(), asgi_names().type, type) != 0) return {};
  return message;
}

/// The UTF-8 of a str; a lone surrogate is a UnicodeEncodeError.
bool encode(PyObject* text, std::string& out) {
  Py_ssize_t size = 0;
  const char* const data = PyUnicode_AsUTF8AndSize(text, &size);
  if (data == nullptr) return false;
  out.assign(data, static_cast<std::size_t>(size));
  return true;
}

bool raise_type(const char* what, PyObject* object) {
  PyErr_Format(PyExc_TypeError, "%s, not %.100s", what, Py_TYPE(object)->tp_name);
  return false;
}

}  // namespace

PyRef make_websocket_connect() { return new_message(asgi_names().websocket_connect); }

PyRef make_websocket_event(const WebSocketConversation::Event& event) {
  using Kind = WebSocketConversation::Event::Kind;
  const AsgiNames& name = asgi_names();
  PyRef message = new_message(event.kind == Kind::kDisconnect ? name.websocket_disconnect : name.websocket_receive);
  if (!message) return {};
  bool good = true;
  switch (event.kind) {
    case Kind::kText:
      good = set(message.get(), name.text, decode(event.text));
      break;
    case Kind::kBinary:
      good =
          set(message.get(), name.bytes,
              PyRef::steal(PyBytes_FromStringAndSize(event.text.data(), static_cast<Py_ssize_t>(event.text.size()))));
      break;
    case Kind::kDisconnect:
      good = set(message.get(), name.code, PyRef::steal(PyLong_FromLongLong(event.code))) &&
             (!event.has_reason || set(message.get(), name.reason, decode(event.text)));
      break;
  }
  return good ? std::move(message) : PyRef();
}

bool read_data_message(PyObject* message, DataMessage& out) {
  const AsgiNames& name = asgi_names();
  PyRef bytes = get(message, name.bytes);
  PyRef text = get(message, name.text);
  if (!bytes || !text) return false;
  if (!is_none(bytes)) {
    if (!PyObject_CheckBuffer(bytes.get())) return raise_type("bytes must be bytes-like", bytes.get());
    out.kind = websocket::Opcode::kBinary;
    out.owner_ = std::move(bytes);
  } else if (!is_none(text)) {
    if (!PyUnicode_Check(text.get())) return raise_type("text must be str", text.get());
    out.kind = websocket::Opcode::kText;
    out.owner_ = PyRef::steal(PyUnicode_AsUTF8String(text.get()));
    if (!out.owner_) return false;
  } else {
    return true;
  }
  return out.bytes_.open(out.owner_.get());
}

bool read_close_message(PyObject* message, websocket::Close& out) {
  const AsgiNames& name = asgi_names();
  const PyRef code = get(message, name.code);
  const PyRef reason = get(message, name.reason);
  if (!code || !reason) return false;
  std::int64_t number = websocket::CloseCode::kNormal;
  if (PyMapping_HasKey(message, name.code) != 0) {
    const PyRef index = PyRef::steal(PyNumber_Index(code.get()));
    if (!index) return false;
    int overflow = 0;
    number = PyLong_AsLongLongAndOverflow(index.get(), &overflow);
    if (overflow != 0) number = -1;
  }
  const int has_reason = PyObject_IsTrue(reason.get());
  if (has_reason < 0) return false;
  if (has_reason == 1) {
    if (!PyUnicode_Check(reason.get())) return raise_type("reason must be str", reason.get());
    if (!encode(reason.get(), out.reason)) return false;
  }
  if (!websocket::may_be_sent(number)) {
    PyErr_SetString(PyExc_RuntimeError, "invalid status code");
    return false;
  }
  if (out.reason.size() > websocket::kLongestReason) {
    PyErr_SetString(PyExc_RuntimeError, "control frame too long");
    return false;
  }
  out.code = static_cast<std::uint16_t>(number);
  return true;
}

bool read_subprotocol(PyObject* message, std::string& out) {
  const PyRef subprotocol = get(message, asgi_names().subprotocol);
  const int chosen = subprotocol ? PyObject_IsTrue(subprotocol.get()) : -1;
  if (chosen <= 0) return chosen == 0;
  if (!PyUnicode_Check(subprotocol.get())) return raise_type("subprotocol must be str", subprotocol.get());
  if (!encode(subprotocol.get(), out)) return false;
  if (http::valid_header("sec-websocket-protocol", out)) return true;
  PyErr_SetString(PyExc_RuntimeError, "Invalid HTTP header value.");
  return false;
}

bool read_denial_status(PyObject* message, int& out) {
  const PyRef object = PyRef::steal(PyObject_GetItem(message, asgi_names().status));
  if (!object) return false;
  const long status = PyLong_AsLong(object.get());
  if (status == -1 && PyErr_Occurred() != nullptr) return false;
  if (status < 200 || status > 599) {  // 1xx is no answer (RFC 9110, 15.2)
    PyErr_Format(PyExc_RuntimeError, "Invalid HTTP status code '%ld' in response.", status);
    return false;
  }
  out = static_cast<int>(status);
  return true;
}

}  // namespace data_bridge::bridge
