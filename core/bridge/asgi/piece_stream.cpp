// `async for` over the pieces of an answer, without a message, a frame and an awaitable for each.
#include "bridge/asgi/piece_stream.hpp"

#include <cstdint>
#include <string_view>
#include <utility>

#include "bridge/asgi/callables.hpp"
#include "bridge/asgi/message.hpp"
#include "pyloop/generator.hpp"
#include "pyloop/py_error.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

enum class Stage : std::uint8_t {
  kBegin,
  kNext,  ///< for the next piece; `waiting`, where it is set, gives it
  kSend,  ///< `piece`, when what is waited for has come
  kDone,
};

struct PieceStream {
  PyObject_HEAD PyObject* response;
  PyObject* send;
  PyObject* pieces;   // the iterator
  PyObject* piece;    // bytes-like
  PyObject* waiting;  // what is awaited
  Stage stage;
  bool running;  // a step, a throw() or a close() is on the stack
};

PyTypeObject* stream_type = nullptr;

PieceStream& self_of(PyObject* object) noexcept { return *reinterpret_cast<PieceStream*>(object); }

int traverse(PyObject* object, visitproc visit, void* arg) {
  const PieceStream& self = self_of(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self.response);
  Py_VISIT(self.send);
  Py_VISIT(self.pieces);
  Py_VISIT(self.piece);
  Py_VISIT(self.waiting);
  return 0;
}

int clear(PyObject* object) {
  PieceStream& self = self_of(object);
  self.stage = Stage::kDone;
  Py_CLEAR(self.waiting);
  Py_CLEAR(self.piece);
  Py_CLEAR(self.pieces);
  Py_CLEAR(self.send);
  Py_CLEAR(self.response);
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  clear(object);
  type->tp_free(object);
  Py_DECREF(type);
}

PyAsyncMethods* async_methods(PyObject* object) noexcept { return Py_TYPE(object)->tp_as_async; }

// aiter(response.body_iterator), as `async for` has it.
bool begin(PieceStream& self) {
  static PyObject* const name = PyUnicode_InternFromString("body_iterator");
  const PyRef iterable = PyRef::steal(PyObject_GetAttr(self.response, name));
  if (!iterable) return false;
  const PyAsyncMethods* methods = async_methods(iterable.get());
  if (methods == nullptr || methods->am_aiter == nullptr) {
    PyErr_Format(PyExc_TypeError, "'async for' requires an object with __aiter__ method, got %.100s",
                 Py_TYPE(iterable.get())->tp_name);
    return false;
  }
  PyRef pieces = PyRef::steal(methods->am_aiter(iterable.get()));
  if (!pieces) return false;
  methods = async_methods(pieces.get());
  if (methods == nullptr || methods->am_anext == nullptr) {
    PyErr_Format(PyExc_TypeError,
                 "'async for' received an object from __aiter__ that does not implement __anext__: %.100s",
                 Py_TYPE(pieces.get())->tp_name);
    return false;
  }
  self.pieces = pieces.release();
  self.stage = Stage::kNext;
  return true;
}

// chunk.encode(response.charset)
PyRef encode(const PieceStream& self, PyObject* chunk) {
  static PyObject* const charset_name = PyUnicode_InternFromString("charset");
  static PyObject* const encode_name = PyUnicode_InternFromString("encode");
  const PyRef charset = PyRef::steal(PyObject_GetAttr(self.response, charset_name));
  if (!charset) return {};
  if (PyUnicode_CheckExact(chunk) && PyUnicode_CheckExact(charset.get()) &&
      PyUnicode_CompareWithASCIIString(charset.get(), "utf-8") == 0) {
    return PyRef::steal(PyUnicode_AsUTF8String(chunk));
  }
  return PyRef::steal(PyObject_CallMethodOneArg(chunk, encode_name, charset.get()));
}

// `chunk`, which has just come, is the piece that is sent next.
bool take(PieceStream& self, PyRef chunk) {
  self.stage = Stage::kSend;  // what fails from here on does not say that there are no more
  if (PyBytes_Check(chunk.get()) == 0 && PyMemoryView_Check(chunk.get()) == 0) chunk = encode(self, chunk.get());
  if (!chunk) return false;
  self.piece = chunk.release();
  return true;
}

Attempt send(PieceStream& self) {
  PyRef result;
  ByteView bytes;
  if (!open_body(self.piece, bytes)) return Attempt::kError;
  const Attempt attempt = send_piece(self.send, bytes.view(), result);
  if (attempt == Attempt::kWait) {
    self.waiting = PyObject_GetIter(result.get());  // Future.__iter__ is its __await__
    if (self.waiting == nullptr) return Attempt::kError;
  }
  return attempt;
}

// Ends with the exception that is set, or with None where that says that there are no more pieces.
PySendResult fail(PyObject* object, PyObject** result) {
  const bool is_end = self_of(object).stage == Stage::kNext && PyErr_ExceptionMatches(PyExc_StopAsyncIteration) != 0;
  if (!is_end) {
    PyRef exception = pyloop::take_exception();
    clear(object);  // what is freed may run anything
    pyloop::raise_exception(std::move(exception));
    return PYGEN_ERROR;
  }
  PyErr_Clear();
  clear(object);
  *result = Py_NewRef(Py_None);
  return PYGEN_RETURN;
}

// What was awaited has ended.
bool advance(PieceStream& self, PyRef value) {
  Py_CLEAR(self.waiting);
  return self.stage != Stage::kNext || take(self, std::move(value));
}

// From where it stands to where it has to wait, or ends.
PySendResult proceed(PyObject* object, PyObject* argument, PyObject** result) {
  PieceStream& self = self_of(object);
  if (self.stage == Stage::kBegin && !begin(self)) return fail(object, result);
  for (;;) {
    if (self.waiting != nullptr) {
      const PySendResult sent = PyIter_Send(self.waiting, argument, result);
      if (sent == PYGEN_NEXT) return sent;
      if (sent == PYGEN_ERROR || !advance(self, PyRef::steal(std::exchange(*result, nullptr)))) {
        return fail(object, result);
      }
      argument = Py_None;
    }
    if (self.stage == Stage::kSend) {
      const Attempt attempt = send(self);
      if (attempt == Attempt::kError) return fail(object, result);
      if (attempt == Attempt::kWait) continue;
      Py_CLEAR(self.piece);
      self.stage = Stage::kNext;
    }
    self.waiting = pyloop::await_iterator(PyRef::steal(async_methods(self.pieces)->am_anext(self.pieces))).release();
    if (self.waiting == nullptr) return fail(object, result);
  }
}

PySendResult step(PyObject* object, PyObject* argument, PyObject** result) {
  PieceStream& self = self_of(object);
  *result = nullptr;
  const pyloop::RunningStep running(self.running);
  if (!running) return PYGEN_ERROR;
  if (self.stage == Stage::kDone) {
    pyloop::refuse_reuse();
    return PYGEN_ERROR;
  }
  return proceed(object, argument, result);
}

PyObject* throw_method(PyObject* object, PyObject* const* args, Py_ssize_t count) {
  PieceStream& self = self_of(object);
  const pyloop::RunningStep running(self.running);
  if (!running) return nullptr;
  if (self.stage == Stage::kDone) {
    pyloop::refuse_reuse();
    return nullptr;
  }
  if (self.waiting == nullptr) {  // not begun: the exception stands
    clear(object);
    return pyloop::raise_thrown(args, count);
  }
  PyObject* result = nullptr;
  const PyRef waiting = PyRef::borrow(self.waiting);
  PySendResult sent = pyloop::throw_into(waiting.get(), args, count, &result);
  if (sent == PYGEN_NEXT) return result;
  sent = sent == PYGEN_RETURN && advance(self, PyRef::steal(std::exchange(result, nullptr)))
             ? proceed(object, Py_None, &result)
             : fail(object, &result);
  return pyloop::as_iteration(sent, result);
}

PyObject* close_method(PyObject* object, PyObject* /*unused*/) {
  PieceStream& self = self_of(object);
  const pyloop::RunningStep running(self.running);
  if (!running) return nullptr;
  const PyRef waiting = PyRef::steal(std::exchange(self.waiting, nullptr));
  clear(object);
  if (waiting && !PyRef::steal(PyObject_CallMethod(waiting.get(), "close", nullptr))) return nullptr;
  Py_RETURN_NONE;
}

}  // namespace

bool ready_piece_stream_type() {
  if (stream_type == nullptr) {
    stream_type = pyloop::make_coroutine_type({.name = "data_bridge._core.PieceStream",
                                               .basic_size = sizeof(PieceStream),
                                               .dealloc = dealloc,
                                               .traverse = traverse,
                                               .clear = clear,
                                               .step = step,
                                               .throw_method = throw_method,
                                               .close_method = close_method});
  }
  return stream_type != nullptr;
}

PyRef make_piece_stream(PyObject* response, PyObject* send) {
  PieceStream* const self = PyObject_GC_New(PieceStream, stream_type);
  if (self == nullptr) return {};
  self->response = Py_NewRef(response);
  self->send = Py_NewRef(send);
  self->pieces = self->piece = self->waiting = nullptr;
  self->stage = Stage::kBegin;
  self->running = false;
  PyObject* const object = reinterpret_cast<PyObject*>(self);
  PyObject_GC_Track(object);
  return PyRef::steal(object);
}

}  // namespace data_bridge::bridge
