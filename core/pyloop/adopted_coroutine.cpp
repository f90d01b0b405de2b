// AdoptedCoroutine: replays the first step of a coroutine to the Task that came after it.
#include "pyloop/adopted_coroutine.hpp"

#include <cstddef>
#include <utility>

#include "pyloop/generator.hpp"
#include "pyloop/py_error.hpp"
#include "pyloop/trashcan.hpp"

namespace data_bridge::pyloop {

namespace {

PyTypeObject* adopted_type = nullptr;
PyObject* name_throw = nullptr;
PyObject* name_close = nullptr;
PyObject* name_cancel = nullptr;
PyObject* name_args = nullptr;

struct Adopted {
  PyObject_HEAD PyObject* coroutine;
  // Of the first step.
  PyObject* value;
  // To be thrown at the next wake-up: a cancellation that the awaited future refused.
  PyObject* later;
  // To be told how the coroutine ends; null where the Task's own callback is, or where it was told.
  Completion* completion;
  StepOutcome outcome;
};

Adopted& of(PyObject* self) noexcept { return *reinterpret_cast<Adopted*>(self); }

// The end of a coroutine whose completion contains it: told here, inside the task, whose result is None then.
PySendResult contain(Adopted& adopted, PySendResult status, PyObject** result) {
  if (status == PYGEN_NEXT || adopted.completion == nullptr) return status;
  Completion& completion = *std::exchange(adopted.completion, nullptr);
  if (status == PYGEN_RETURN) {
    const PyRef value = PyRef::steal(*result);
    completion.done(value.get(), nullptr);
  } else {
    const PyRef exception = take_exception();
    completion.done(nullptr, exception.get());
  }
  *result = Py_NewRef(Py_None);
  return PYGEN_RETURN;
}

PySendResult throw_into(PyObject* coroutine, PyObject* exception, PyObject** result) {
  return as_send_result(PyObject_CallMethodOneArg(coroutine, name_throw, exception), result);
}

PySendResult send_through(PyObject* self, PyObject* argument, PyObject** result) {
  Adopted& adopted = of(self);
  switch (std::exchange(adopted.outcome, StepOutcome::kNone)) {
    case StepOutcome::kYielded:
      *result = std::exchange(adopted.value, nullptr);
      return PYGEN_NEXT;
    case StepOutcome::kReturned:
      *result = std::exchange(adopted.value, nullptr);
      return PYGEN_RETURN;
    case StepOutcome::kRaised:
      *result = nullptr;
      raise_exception(PyRef::steal(std::exchange(adopted.value, nullptr)));
      return PYGEN_ERROR;
    case StepOutcome::kNone:
      break;
  }
  if (adopted.later != nullptr) {
    const PyRef exception = PyRef::steal(std::exchange(adopted.later, nullptr));
    return throw_into(adopted.coroutine, exception.get(), result);
  }
  return PyIter_Send(adopted.coroutine, argument, result);
}

PySendResult adopted_send(PyObject* self, PyObject* argument, PyObject** result) {
  return contain(of(self), send_through(self, argument, result), result);
}

PyObject* throw_through(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  Adopted& adopted = of(self);
  if (adopted.outcome == StepOutcome::kNone) {
    PyObject* stack[4] = {adopted.coroutine};
    if (nargs < 1 || nargs > 3) return PyErr_Format(PyExc_TypeError, "throw() takes from 1 to 3 arguments");
    for (Py_ssize_t i = 0; i < nargs; ++i) stack[i + 1] = args[i];
    return PyObject_VectorcallMethod(name_throw, stack, static_cast<std::size_t>(nargs) + 1, nullptr);
  }
  // A Task that was cancelled before its captured step calls throw(instance) first, with the CancelledError.
  PyRef exception;
  if (nargs >= 1 && PyExceptionInstance_Check(args[0])) {
    exception = PyRef::borrow(args[0]);
  } else if (nargs >= 2 && PyExceptionInstance_Check(args[1])) {
    exception = PyRef::borrow(args[1]);
  } else if (nargs >= 1 && PyExceptionClass_Check(args[0])) {
    exception = PyRef::steal(PyObject_CallNoArgs(args[0]));
  } else {
    PyErr_SetString(PyExc_TypeError, "exceptions must be classes or instances deriving from BaseException");
  }
  if (!exception) return nullptr;

  const StepOutcome outcome = std::exchange(adopted.outcome, StepOutcome::kNone);
  PyRef value = PyRef::steal(std::exchange(adopted.value, nullptr));
  switch (outcome) {
    case StepOutcome::kReturned:
      // Cancelled just before it returned: a Task ends cancelled then.
      raise_exception(std::move(exception));
      return nullptr;
    case StepOutcome::kRaised:
      raise_exception(std::move(value));
      return nullptr;
    case StepOutcome::kYielded:
    case StepOutcome::kNone:
      break;
  }
  if (value.get() == Py_None) {
    // A bare yield: nothing to cancel, so the exception goes where the coroutine stands.
    return PyObject_CallMethodOneArg(adopted.coroutine, name_throw, exception.get());
  }
  // A real Task would have cancelled what it awaits, so that an inner task ends too.
  const PyRef cancel = PyRef::steal(PyObject_GetAttr(value.get(), name_cancel));
  if (!cancel) {
    // Not a future: the Task will say so.
    PyErr_Clear();
    return value.release();
  }
  const PyRef args_of = PyRef::steal(PyObject_GetAttr(exception.get(), name_args));
  const PyRef agreed = args_of ? PyRef::steal(PyObject_CallObject(cancel.get(), args_of.get())) : PyRef();
  const int truth = agreed ? PyObject_IsTrue(agreed.get()) : -1;
  if (truth < 0) return nullptr;
  if (truth == 0) Py_XSETREF(adopted.later, exception.release());
  return value.release();
}

PyObject* throw_method(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  PyObject* yielded = throw_through(self, args, nargs);
  if (yielded != nullptr || of(self).completion == nullptr) return yielded;
  PyObject* result = nullptr;
  PySendResult status = as_send_result(nullptr, &result);
  status = contain(of(self), status, &result);
  return as_iteration(status, result);
}

PyObject* close_method(PyObject* self, PyObject*) { return PyObject_CallMethodNoArgs(of(self).coroutine, name_close); }

// cr_frame, cr_await, __qualname__ ...: what asyncio's repr and get_stack read.
PyObject* getattro(PyObject* self, PyObject* name) {
  PyObject* found = PyObject_GenericGetAttr(self, name);
  if (found != nullptr || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
  PyErr_Clear();
  return PyObject_GetAttr(of(self).coroutine, name);
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(of(self).coroutine);
  Py_VISIT(of(self).value);
  Py_VISIT(of(self).later);
  return 0;
}

int clear(PyObject* self) {
  Py_CLEAR(of(self).value);
  Py_CLEAR(of(self).later);
  return 0;
}

void destroy(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  clear(self);
  // Not in tp_clear: a Task in a cycle still sends to it while it is finalised.
  Py_CLEAR(of(self).coroutine);
  type->tp_free(self);
  Py_DECREF(type);
}

}  // namespace

PyObject* adopt_coroutine(PyObject* coroutine) {
  PyObject* self = adopted_type->tp_alloc(adopted_type, 0);
  if (self != nullptr) of(self).coroutine = Py_NewRef(coroutine);
  return self;
}

void set_containing(PyObject* adopted, Completion& completion) noexcept { of(adopted).completion = &completion; }

Completion* take_containing(PyObject* adopted) noexcept { return std::exchange(of(adopted).completion, nullptr); }

bool has_containing(PyObject* adopted) noexcept { return of(adopted).completion != nullptr; }

void set_outcome(PyObject* adopted, StepOutcome outcome, PyRef value) noexcept {
  of(adopted).outcome = outcome;
  Py_XSETREF(of(adopted).value, value.release());
}

int register_adopted_coroutine() {
  name_throw = PyUnicode_InternFromString("throw");
  name_close = PyUnicode_InternFromString("close");
  name_cancel = PyUnicode_InternFromString("cancel");
  name_args = PyUnicode_InternFromString("args");
  if (name_throw == nullptr || name_close == nullptr || name_cancel == nullptr || name_args == nullptr) return -1;
  adopted_type = make_coroutine_type({.name = "data_bridge._core.AdoptedCoroutine",
                                      .basic_size = sizeof(Adopted),
                                      .dealloc = dealloc_by_turns<destroy>,
                                      .traverse = traverse,
                                      .clear = clear,
                                      .step = adopted_send,
                                      .throw_method = throw_method,
                                      .close_method = close_method,
                                      .get_attribute = getattro});
  return adopted_type == nullptr ? -1 : 0;
}

}  // namespace data_bridge::pyloop
