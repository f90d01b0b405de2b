// The awaitable type behind ASGI's receive and send.
#include "bridge/asgi/awaitable.hpp"

#include "pyloop/generator.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

struct Awaitable {
  PyObject_HEAD PyObject* owner;  // keeps `operation` alive
  PyObject* argument;             // the message, or null
  PyObject* waiting;              // the iterator of the future that is waited for, or null
  Operation* operation;
  bool exhausted;
};

PyTypeObject* awaitable_type = nullptr;

Awaitable* cast(PyObject* object) noexcept { return reinterpret_cast<Awaitable*>(object); }

int traverse(PyObject* object, visitproc visit, void* arg) {
  Awaitable* self = cast(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->owner);
  Py_VISIT(self->argument);
  Py_VISIT(self->waiting);
  return 0;
}

int clear(PyObject* object) {
  Awaitable* self = cast(object);
  self->exhausted = true;
  Py_CLEAR(self->owner);
  Py_CLEAR(self->argument);
  Py_CLEAR(self->waiting);
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  clear(object);
  type->tp_free(object);
  Py_DECREF(type);
}

PySendResult step(PyObject* object, PyObject* value, PyObject** result) {
  Awaitable* self = cast(object);
  *result = nullptr;
  if (self->exhausted) {
    pyloop::refuse_reuse();
    return PYGEN_ERROR;
  }
  while (true) {
    if (self->waiting != nullptr) {
      const PySendResult sent = PyIter_Send(self->waiting, value, result);
      if (sent == PYGEN_NEXT) return sent;
      Py_CLEAR(self->waiting);
      if (sent == PYGEN_ERROR) {
        self->exhausted = true;
        return sent;
      }
      Py_CLEAR(*result);
    }
    PyRef outcome;
    switch (self->operation->attempt(self->argument, outcome)) {
      case Attempt::kDone:
        self->exhausted = true;
        *result = outcome.release();
        return PYGEN_RETURN;
      case Attempt::kError:
        self->exhausted = true;
        return PYGEN_ERROR;
      case Attempt::kWait:
        self->waiting = PyObject_GetIter(outcome.get());  // Future.__iter__ is its __await__
        if (self->waiting == nullptr) {
          self->exhausted = true;
          return PYGEN_ERROR;
        }
        value = Py_None;
    }
  }
}

PyObject* throw_method(PyObject* object, PyObject* const* args, Py_ssize_t count) {
  Awaitable* self = cast(object);
  if (self->exhausted) {
    pyloop::refuse_reuse();
    return nullptr;
  }
  self->exhausted = true;
  Py_CLEAR(self->waiting);
  return pyloop::raise_thrown(args, count);
}

PyObject* close_method(PyObject* object, PyObject* /*unused*/) {
  Awaitable* self = cast(object);
  self->exhausted = true;
  Py_CLEAR(self->waiting);
  Py_RETURN_NONE;
}

}  // namespace

bool ready_awaitable_type() {
  if (awaitable_type == nullptr) {
    awaitable_type = pyloop::make_coroutine_type({.name = "data_bridge._core.AsgiAwaitable",
                                                  .basic_size = sizeof(Awaitable),
                                                  .dealloc = dealloc,
                                                  .traverse = traverse,
                                                  .clear = clear,
                                                  .step = step,
                                                  .throw_method = throw_method,
                                                  .close_method = close_method});
  }
  return awaitable_type != nullptr;
}

PyObject* make_awaitable(PyObject* owner, Operation& operation, PyObject* argument) {
  Awaitable* self = PyObject_GC_New(Awaitable, awaitable_type);
  if (self == nullptr) return nullptr;
  self->owner = Py_NewRef(owner);
  self->argument = Py_XNewRef(argument);
  self->waiting = nullptr;
  self->operation = &operation;
  self->exhausted = false;
  PyObject* object = reinterpret_cast<PyObject*>(self);
  PyObject_GC_Track(object);
  return object;
}

}  // namespace data_bridge::bridge
