// The generator protocol of native coroutine types: one type maker, and the ways between its three spellings.
#pragma once

#include <Python.h>

#include <utility>

#include "pyloop/py_ref.hpp"

namespace data_bridge::pyloop {

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

/// The other way: what a call of send() or throw() gave, as am_send says it. Null `yielded` stands for the pending
/// exception, which is taken where it is a StopIteration.
PySendResult as_send_result(PyObject* yielded, PyObject** result);

/// What `await object` would iterate; a coroutine is its own iterator for PyIter_Send. Empty with an exception set.
PyRef await_iterator(PyRef object);

/// iterator.throw(...) with the arguments of a throw() of one's own; a GeneratorExit closes it instead (PEP 380).
PySendResult throw_into(PyObject* iterator, PyObject* const* args, Py_ssize_t count, PyObject** result);

/// Raises what `throw(type_or_value[, value[, traceback]])` was called with. Always null.
PyObject* raise_thrown(PyObject* const* args, Py_ssize_t count);

/// Sets the exception of one that is over and is stepped, or thrown into, again.
void refuse_reuse();

/// One step, throw() or close() of a coroutine; refuses, with an exception set, where one is on the stack already, as a
/// coroutine of Python's does.
class RunningStep {
 public:
  explicit RunningStep(bool& running) noexcept : running_(running), entered_(!std::exchange(running, true)) {
    if (!entered_) PyErr_SetString(PyExc_ValueError, "coroutine already executing");
  }
  ~RunningStep() {
    if (entered_) running_ = false;
  }
  RunningStep(const RunningStep&) = delete;
  RunningStep& operator=(const RunningStep&) = delete;
  explicit operator bool() const noexcept { return entered_; }

 private:
  bool& running_;
  bool entered_;
};

}  // namespace data_bridge::pyloop
