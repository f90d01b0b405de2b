// The Python object behind an ASGI application's `receive` and `send`.
#pragma once

#include <Python.h>

#include <new>
#include <utility>

#include "bridge/asgi/awaitable.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// For a class `Callables` with traverse(), clear(), the operations `receive_operation` and `send_operation`, and
///
/// - kTypeName: "module.Name";
/// - kReceiveDoc, kSendDoc: the docstrings of the two functions.
///
/// An object that Python keeps, because the application may keep its functions for longer than the request lives.
template <typename Callables>
class CallablesType {
 public:
  /// To be called before make(); false with an exception set.
  static bool ready() {
    if (type != nullptr) return true;
    static PyType_Slot slots[] = {
        {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
        {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
        {Py_tp_clear, reinterpret_cast<void*>(clear)},
        {0, nullptr},
    };
    static PyType_Spec spec = {Callables::kTypeName, sizeof(Object), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
    type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
    return type != nullptr && ready_awaitable_type();
  }

  /// Empty with an exception set on failure.
  template <typename... Arguments>
  static pyloop::PyRef make(Arguments&&... arguments) {
    auto* self = PyObject_GC_New(Object, type);
    if (self == nullptr) return {};
    new (&self->callables) Callables(std::forward<Arguments>(arguments)...);
    PyObject* object = reinterpret_cast<PyObject*>(self);
    PyObject_GC_Track(object);
    return pyloop::PyRef::steal(object);
  }

  /// What send_of() has made.
  static bool is_send(PyObject* object) noexcept {
    return PyCFunction_Check(object) && PyCFunction_GET_FUNCTION(object) == static_cast<PyCFunction>(send) &&
           PyCFunction_GET_SELF(object) != nullptr && Py_IS_TYPE(PyCFunction_GET_SELF(object), type);
  }
  static Callables& of(PyObject* object) noexcept { return reinterpret_cast<Object*>(object)->callables; }
  static pyloop::PyRef receive_of(PyObject* object) {
    static PyMethodDef definition = {"receive", receive, METH_NOARGS, Callables::kReceiveDoc};
    return pyloop::PyRef::steal(PyCFunction_New(&definition, object));
  }
  static pyloop::PyRef send_of(PyObject* object) {
    static PyMethodDef definition = {"send", send, METH_O, Callables::kSendDoc};
    return pyloop::PyRef::steal(PyCFunction_New(&definition, object));
  }

 private:
  struct Object {
    PyObject_HEAD Callables callables;
  };

  static int traverse(PyObject* object, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(object));
    return of(object).traverse(visit, arg);
  }
  static int clear(PyObject* object) {
    of(object).clear();
    return 0;
  }
  static void dealloc(PyObject* object) {
    PyTypeObject* const own = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    of(object).~Callables();
    own->tp_free(object);
    Py_DECREF(own);
  }
  static PyObject* receive(PyObject* object, PyObject* /*unused*/) {
    return make_awaitable(object, of(object).receive_operation, nullptr);
  }
  static PyObject* send(PyObject* object, PyObject* message) {
    return make_awaitable(object, of(object).send_operation, message);
  }

  static inline PyTypeObject* type = nullptr;
};

}  // namespace data_bridge::bridge
