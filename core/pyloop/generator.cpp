// The generator protocol of native coroutine types, as far as it does not depend on what they await.
#include "pyloop/generator.hpp"

#include <cstddef>

#include "pyloop/py_error.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::pyloop {

namespace {

PyObject* send_method(PyObject* object, PyObject* value) {
  PyObject* result = nullptr;
  const PySendResult sent = Py_TYPE(object)->tp_as_async->am_send(object, value, &result);
  return as_iteration(sent, result);
}

PyObject* iter_next(PyObject* object) { return send_method(object, Py_None); }

PyObject* identity(PyObject* object) { return Py_NewRef(object); }

template <typename Function>
void* slot(Function* function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace

PyTypeObject* make_coroutine_type(const CoroutineTraits& traits) {
  // A type keeps its method table for ever.
  auto* methods = new PyMethodDef[4]{
      {"send", send_method, METH_O, nullptr},
      {"throw", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(traits.throw_method)), METH_FASTCALL,
       nullptr},
      {"close", traits.close_method, METH_NOARGS, nullptr},
      {nullptr, nullptr, 0, nullptr},
  };
  PyType_Slot slots[] = {
      {Py_tp_dealloc, slot(traits.dealloc)},
      {Py_tp_traverse, slot(traits.traverse)},
      {Py_tp_clear, slot(traits.clear)},
      {Py_tp_getattro, slot(traits.get_attribute)},
      {Py_tp_iter, slot(identity)},
      {Py_tp_iternext, slot(iter_next)},
      {Py_am_await, slot(identity)},
      {Py_am_send, slot(traits.step)},
      {Py_tp_methods, methods},
      {0, nullptr},
  };
  PyType_Spec spec = {traits.name, traits.basic_size, 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
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
    PyRef value = PyRef::steal(result);
    if (value.get() == Py_None) {
      PyErr_SetNone(PyExc_StopIteration);
      return nullptr;
    }
    // PyErr_SetObject would unpack a tuple into StopIteration's arguments.
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

void refuse_reuse() { PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine"); }

PySendResult as_send_result(PyObject* yielded, PyObject** result) {
  *result = yielded;
  if (yielded != nullptr) return PYGEN_NEXT;
  if (PyErr_ExceptionMatches(PyExc_StopIteration) == 0) return PYGEN_ERROR;
  const PyRef stop = take_exception();
  *result = PyObject_GetAttrString(stop.get(), "value");
  return *result != nullptr ? PYGEN_RETURN : PYGEN_ERROR;
}

PyRef await_iterator(PyRef object) {
  if (!object || PyCoro_CheckExact(object.get())) return object;
  const PyAsyncMethods* methods = Py_TYPE(object.get())->tp_as_async;
  if (methods == nullptr || methods->am_await == nullptr) {
    PyErr_Format(PyExc_TypeError, "object %.100s can't be used in 'await' expression", Py_TYPE(object.get())->tp_name);
    return {};
  }
  return PyRef::steal(methods->am_await(object.get()));
}

namespace {

// Empty without an exception where there is none: any iterator may be awaited.
PyRef find_method(PyObject* object, PyObject* name) {
  PyRef method = PyRef::steal(PyObject_GetAttr(object, name));
  if (!method && PyErr_ExceptionMatches(PyExc_AttributeError) != 0) PyErr_Clear();
  return method;
}

}  // namespace

PySendResult throw_into(PyObject* iterator, PyObject* const* args, Py_ssize_t count, PyObject** result) {
  static PyObject* const close_name = PyUnicode_InternFromString("close");
  static PyObject* const throw_name = PyUnicode_InternFromString("throw");
  *result = nullptr;
  const bool closes = count > 0 && PyErr_GivenExceptionMatches(args[0], PyExc_GeneratorExit) != 0;
  const PyRef method = find_method(iterator, closes ? close_name : throw_name);
  if (method && !closes) {
    return as_send_result(PyObject_Vectorcall(method.get(), args, static_cast<std::size_t>(count), nullptr), result);
  }
  if (method && !PyRef::steal(PyObject_CallNoArgs(method.get()))) return PYGEN_ERROR;
  if (PyErr_Occurred() == nullptr) raise_thrown(args, count);
  return PYGEN_ERROR;
}

}  // namespace data_bridge::pyloop
