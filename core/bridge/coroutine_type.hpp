// What all native coroutine types share.
#pragma once

#include <Python.h>

namespace data_bridge::bridge {

/// Makes the type and registers it as a collections.abc.Coroutine, so that asyncio takes its instances
/// for coroutines. Null with a Python exception set on failure.
PyTypeObject* make_coroutine_type(PyType_Spec& spec);

/// The result of an am_send as tp_iternext and send() give it: the value, or null with StopIteration(value) set.
PyObject* as_iteration(PySendResult sent, PyObject* result);

/// Raises what `throw(type_or_value[, value[, traceback]])` was called with. Always null.
PyObject* raise_thrown(PyObject* const* args, Py_ssize_t count);

/// The pending exception, normalised and with its traceback; the error indicator is clear afterwards.
PyObject* fetch_exception();

}  // namespace data_bridge::bridge
