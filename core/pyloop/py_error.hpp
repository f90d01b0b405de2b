// The pending Python exception as one object, on every supported version.
#pragma once

#include <Python.h>

#include "pyloop/py_ref.hpp"

namespace data_bridge::pyloop {

/// Takes the pending exception, normalised and with its traceback; empty where none is set.
[[nodiscard]] inline PyRef take_exception() noexcept {
#if PY_VERSION_HEX >= 0x030C0000
  return PyRef::steal(PyErr_GetRaisedException());
#else
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  if (type == nullptr) return {};
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback != nullptr) PyException_SetTraceback(value, traceback);
  Py_XDECREF(traceback);
  Py_DECREF(type);
  return PyRef::steal(value);
#endif
}

/// Makes `exception` the pending one, with the traceback it has.
inline void raise_exception(PyRef exception) noexcept {
#if PY_VERSION_HEX >= 0x030C0000
  PyErr_SetRaisedException(exception.release());
#else
  PyObject* value = exception.release();
  PyErr_Restore(Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(value))), value, PyException_GetTraceback(value));
#endif
}

/// asyncio lets these two leave run_forever; every other exception goes to the exception handler.
[[nodiscard]] inline bool leaves_the_loop(PyObject* exception) noexcept {
  return PyErr_GivenExceptionMatches(exception, PyExc_SystemExit) != 0 ||
         PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt) != 0;
}

}  // namespace data_bridge::pyloop
