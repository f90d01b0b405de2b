// The parts of the generator protocol that do not depend on what is awaited.
#include "bridge/coroutine_type.hpp"

#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

PyTypeObject* make_coroutine_type(PyType_Spec& spec) {
  PyRef type = PyRef::steal(PyType_FromSpec(&spec));
  PyRef abc = PyRef::steal(PyImport_ImportModule("collections.abc"));
  if (!type || !abc) return nullptr;
  PyRef coroutine = PyRef::steal(PyObject_GetAttrString(abc.get(), "Coroutine"));
  if (!coroutine || !PyRef::steal(PyObject_CallMethod(coroutine.get(), "register", "O", type.get()))) return nullptr;
  return reinterpret_cast<PyTypeObject*>(type.release());
}

PyObject* as_iteration(PySendResult sent, PyObject* result) {
  if (sent == PYGEN_NEXT) return result;
  if (sent == PYGEN_RETURN) {
    // PyErr_SetObject would unpack a tuple into StopIteration's arguments.
    PyRef value = PyRef::steal(result);
    PyRef stop = PyRef::steal(PyObject_CallOneArg(PyExc_StopIteration, value.get()));
    if (stop) PyErr_SetObject(PyExc_StopIteration, stop.get());
  }
  return nullptr;
}

PyObject* raise_thrown(PyObject* const* args, Py_ssize_t count) {
  if (count < 1 || count > 3) {
    PyErr_SetString(PyExc_TypeError, "throw expected 1 to 3 arguments");
    return nullptr;
  }
  PyObject* value = count > 1 && args[1] != Py_None ? args[1] : args[0];
  if (PyExceptionInstance_Check(value)) {
    PyErr_SetObject(PyExceptionInstance_Class(value), value);
  } else if (PyExceptionClass_Check(value)) {
    PyErr_SetNone(value);
  } else {
    PyErr_SetString(PyExc_TypeError, "exceptions must be classes or instances deriving from BaseException");
  }
  return nullptr;
}

PyObject* fetch_exception() {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (value != nullptr && traceback != nullptr) PyException_SetTraceback(value, traceback);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return value;
}

}  // namespace data_bridge::bridge
