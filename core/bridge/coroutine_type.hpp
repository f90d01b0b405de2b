// What all native coroutine types share.
#pragma once

#include <Python.h>

namespace data_bridge::bridge {

/// What differs between native coroutine types. `step` is am_send; send(), iteration and await come from it.
struct CoroutineTraits {
  const char* name;  ///< "module.Name"; must live for ever
  int basic_size;    ///< of the instance, which begins with PyObject_HEAD
  destructor dealloc;
  traverseproc traverse;
  inquiry clear;
  sendfunc step;
  PyObject* (*throw_method)(PyObject* self, PyObject* const* args,
                            Py_ssize_t count);  ///< throw(value), see raise_thrown()
  PyCFunction close_method;
  getattrofunc get_attribute = PyObject_GenericGetAttr;
};

/// Makes a type with garbage collection, without a constructor, and registers it as a collections.abc.Coroutine, so
/// that asyncio takes its instances for coroutines. Null with a Python exception set on failure.
PyTypeObject* make_coroutine_type(const CoroutineTraits& traits);

/// The result of an am_send as tp_iternext and send() give it: the value, or null with StopIteration(value) set.
PyObject* as_iteration(PySendResult sent, PyObject* result);

/// Raises what `throw(type_or_value[, value[, traceback]])` was called with. Always null.
PyObject* raise_thrown(PyObject* const* args, Py_ssize_t count);

/// The pending exception, normalised and with its traceback; the error indicator is clear afterwards.
PyObject* fetch_exception();

}  // namespace data_bridge::bridge
