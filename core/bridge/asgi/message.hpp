// The dicts that an ASGI application and its server pass: reading what it sends, making what it receives.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/file_body.hpp"
#include "http/request.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// An `http.response.start`.
struct StartMessage {
  int status = 0;
  /// Names in lower case. Views into `owners`.
  std::vector<http::Header> headers;
  std::optional<std::int64_t> content_length;
  bool repeats_length = false;  ///< there is more than one Content-Length
  bool trailers = false;
  std::vector<pyloop::PyRef> owners;
};

/// Reads a message with the checks and errors of uvicorn's httptools_impl.py; false with a Python exception set.
bool read_start_message(PyObject* message, StartMessage& out);

/// The bytes of a bytes, bytearray or memoryview, while this lives.
class ByteView {
 public:
  ~ByteView() {
    if (held_) PyBuffer_Release(&buffer_);
  }
  ByteView() = default;
  ByteView(const ByteView&) = delete;
  ByteView& operator=(const ByteView&) = delete;

  /// False with a Python exception set.
  bool open(PyObject* object) noexcept {
    held_ = PyObject_GetBuffer(object, &buffer_, PyBUF_SIMPLE) == 0;
    return held_;
  }
  /// Empty where nothing was opened.
  [[nodiscard]] std::string_view view() const noexcept {
    return {static_cast<const char*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
  }

 private:
  Py_buffer buffer_{};
  bool held_ = false;
};

/// An `http.response.body`.
struct BodyMessage {
  pyloop::PyRef owner;
  ByteView bytes;  // released before its owner
  bool more_body = false;
};

/// message["headers"], or nothing where there are none: names in lower case if `lower`, else as they are. Checks and
/// errors as read_start_message()'s.
bool read_headers(PyObject* message, bool lower, std::vector<std::pair<std::string, std::string>>& out);

/// As read_start_message().
bool read_body_message(PyObject* message, BodyMessage& out);
/// The bytes of message["body"]; false with a Python exception set.
bool open_body(PyObject* body, ByteView& out);

/// An `http.response.pathsend`. All of the file, or these parts of it, which are no part of the extension: for who
/// answers with ranges (compile/files.py).
struct PathMessage {
  pyloop::PyRef path;  ///< as in the message
  std::string encoded;
  std::vector<http::FileBody::Part> parts;
  std::string after;
};

/// As read_start_message(), with the errors of open().
bool read_path_message(PyObject* message, PathMessage& out);

/// message["headers"] of an `http.response.trailers`, with the checks of a start's, and whether more follow.
bool read_trailers_message(PyObject* message, StartMessage& out, bool& more);

/// message["type"]; empty with a Python exception set on failure.
pyloop::PyRef message_type(PyObject* message);

/// What a `receive()` of anybody's has given, as starlette.requests.Request.stream() takes it. A message of another
/// type has no body, and others follow.
struct RequestMessage {
  pyloop::PyRef body;
  bool more_body = true;
  bool disconnected = false;  ///< an `http.disconnect`
};

/// False with a Python exception set.
bool read_request_message(PyObject* message, RequestMessage& out);

/// An `http.request`; empty with a Python exception set on failure.
pyloop::PyRef make_request_message(std::string_view body, bool more_body);
/// An `http.disconnect`.
pyloop::PyRef make_disconnect_message();

/// The two messages of an answer that is whole.
class AnswerMessages {
 public:
  /// http.response.start; empty with an exception set. `headers`: a list of (bytes, bytes).
  pyloop::PyRef begin(PyObject* status, PyObject* headers, PyObject* body);
  /// http.response.body, once; then empty.
  pyloop::PyRef take_rest() noexcept { return std::move(rest_); }
  int traverse(visitproc visit, void* arg) const {
    Py_VISIT(rest_.get());
    return 0;
  }

 private:
  pyloop::PyRef rest_;
};

/// The fields of a JSON document of that size, and `headers`, a list or null, behind them; empty with an exception set.
pyloop::PyRef json_fields(std::size_t size, PyObject* headers);

}  // namespace data_bridge::bridge
