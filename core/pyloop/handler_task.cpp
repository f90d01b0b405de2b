// HandlerTask: an asyncio.Task whose initialisation waits until the coroutine suspends or somebody looks.
//
// Task.__init__, registration and a call_soon cost 1 to 3 us, and most handlers never suspend. So the object is
// allocated without __init__, made the current task, and the coroutine is stepped. If that was all, no Task ever
// existed. Otherwise Task.__init__ runs on the same object with an AdoptedCoroutine that replays the step, and from
// there on it is CPython's own Task (handler_task_type.cpp has what the object answers before that).
#include "pyloop/handler_task.hpp"

#include <utility>

#include "pyloop/adopted_coroutine.hpp"
#include "pyloop/handler_task_type.hpp"
#include "pyloop/loop_type.hpp"
#include "pyloop/py_error.hpp"

namespace data_bridge::pyloop {

namespace {

PyObject* enter_task = nullptr;
PyObject* leave_task = nullptr;
// Lists the task in all_tasks() while it is stepped; 3.12 and later. On 3.11 data_bridge.all_tasks does.
PyObject* register_eager = nullptr;
PyObject* unregister_eager = nullptr;
PyObject* name_self = nullptr;
PyObject* add_done_callback = nullptr;
PyObject* result_method = nullptr;

bool call_quietly(PyObject* function, PyObject* const* args, std::size_t nargs) {
  return static_cast<bool>(PyRef::steal(PyObject_Vectorcall(function, args, nargs, nullptr)));
}

// Tells the completion how the finished Task `self` ended.
void complete(PyObject* self) {
  HandlerTaskFields& fields = handler_task_fields(self);
  Completion* completion = std::exchange(fields.completion, nullptr);
  if (completion == nullptr) return;
  // result() also marks the exception as retrieved.
  PyRef result = PyRef::steal(PyObject_CallOneArg(result_method, self));
  PyRef exception;
  if (!result) exception = take_exception();
  completion->done(result.get(), exception.get());
}

PyObject* on_task_done(PyObject* self, PyObject*) {
  complete(self);
  Py_RETURN_NONE;
}

PyMethodDef on_task_done_def = {"_on_task_done", on_task_done, METH_O, nullptr};

// How one step of a coroutine ended.
struct Step {
  StepOutcome outcome = StepOutcome::kNone;
  PyRef value;
};

// Tells a completion that contains how the coroutine ended; what is left is a task that returns None.
void contain(Completion& completion, Step& step) {
  const Step ended = std::exchange(step, Step{StepOutcome::kReturned, PyRef::borrow(Py_None)});
  if (ended.outcome == StepOutcome::kReturned) {
    completion.done(ended.value.get(), nullptr);
  } else {
    completion.done(nullptr, ended.value.get());
  }
}

// False where the bookkeeping around the step failed. `containing` is null where it was told.
bool step_without_task(PyObject* self, HandlerTaskFields& fields, Step& step, Completion*& containing) {
  PyObject* argv[] = {fields.loop, self};
  if (!call_quietly(enter_task, argv, 2)) return false;
  bool good = register_eager == nullptr || call_quietly(register_eager, &argv[1], 1);
  if (good && PyContext_Enter(fields.context) == 0) {
    PyObject* value = nullptr;
    const PySendResult status = PyIter_Send(fields.coroutine, Py_None, &value);
    if (status == PYGEN_ERROR) {
      step = {StepOutcome::kRaised, take_exception()};
    } else {
      step = {status == PYGEN_NEXT ? StepOutcome::kYielded : StepOutcome::kReturned, PyRef::steal(value)};
    }
    if (containing != nullptr && step.outcome != StepOutcome::kYielded) {
      contain(*std::exchange(containing, nullptr), step);
    }
    good = PyContext_Exit(fields.context) == 0;
  } else {
    good = false;
  }
  PyRef failure;
  if (!good) failure = take_exception();
#if PY_VERSION_HEX >= 0x030E0000
  // Since 3.14 there is one list of both kinds: what has become a task meanwhile stays in it.
  const bool listed_for_good = fields.is_task;
#else
  constexpr bool listed_for_good = false;
#endif
  if (unregister_eager != nullptr && !listed_for_good && !call_quietly(unregister_eager, &argv[1], 1)) good = false;
  if (!call_quietly(leave_task, argv, 2)) good = false;
  if (failure) {
    PyErr_Clear();
    raise_exception(std::move(failure));
  }
  return good;
}

// Ends a task that came to be although its coroutine cannot be stepped, say by the repr() in the error message:
// all_tasks() lists it, so it must finish. Keeps the pending exception.
void abandon(PyObject* self, HandlerTaskFields& fields) {
  if (fields.step == nullptr) return;
  PyRef failure = take_exception();
  set_outcome(fields.adopted, StepOutcome::kRaised, PyRef::steal(PyObject_CallNoArgs(cancelled_error())));
  const PyRef step = PyRef::steal(std::exchange(fields.step, nullptr));
  if (!PyRef::steal(PyObject_CallMethod(fields.loop, "call_soon", "O", step.get()))) PyErr_WriteUnraisable(self);
  raise_exception(std::move(failure));
}

// Runs the step that Task.__init__ wanted to schedule: it takes over `step` and awaits what was yielded.
bool continue_as_task(PyObject* self, HandlerTaskFields& fields, Step step) {
  if (!materialise(self)) return false;
  set_outcome(fields.adopted, step.outcome, std::move(step.value));
  if (fields.completion != nullptr) {
    PyRef callback = PyRef::steal(PyCFunction_New(&on_task_done_def, self));
    if (!callback) return false;
    PyObject* argv[] = {self, callback.get()};
    if (!call_quietly(add_done_callback, argv, 2)) return false;
  }

  PyRef first_step = PyRef::steal(std::exchange(fields.step, nullptr));
  // Where a subclass of PyLoop wraps what call_soon() gets, the step was not recognised: it waits in the queue.
  if (!first_step) return true;
  if (PyContext_Enter(fields.context) < 0) return false;
  const PyRef result = PyRef::steal(PyObject_CallNoArgs(first_step.get()));
  PyRef exception;
  if (!result) exception = take_exception();
  PyContext_Exit(fields.context);
  // A Task keeps every exception to itself but for SystemExit and KeyboardInterrupt, which it also lets through.
  if (exception) LoopState::of(fields.loop).leave_with(std::move(exception));
  return true;
}

}  // namespace

bool materialise(PyObject* self) {
  HandlerTaskFields& fields = handler_task_fields(self);
  if (fields.is_task) return true;
  if (fields.loop == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "this HandlerTask is not running");
    return false;
  }
  LoopState& state = LoopState::of(fields.loop);
  PyRef adopted = PyRef::steal(adopt_coroutine(fields.coroutine));
  if (!adopted) return false;
  StepCapture outer = std::exchange(state.capture, StepCapture{self, {}});
  const bool good = initialise_task(self, adopted.get(), fields.loop, fields.context);
  StepCapture captured = std::exchange(state.capture, std::move(outer));
  if (!good) return false;
  fields.is_task = true;
  fields.adopted = adopted.release();
  fields.step = captured.step.release();
  return true;
}

bool capture_step(StepCapture& capture, PyObject* callback) noexcept {
  // The step is a TaskStepMethWrapper, whose __self__ is the task.
  const PyRef self = PyRef::steal(PyObject_GetAttr(callback, name_self));
  if (!self) PyErr_Clear();
  if (self.get() != capture.task || capture.step) return false;
  capture.step = PyRef::borrow(callback);
  return true;
}

bool drive(PyObject* loop, PyObject* coroutine, Completion& completion) {
  if (!is_loop(loop)) {
    PyErr_Format(PyExc_TypeError, "a data_bridge.PyLoop was expected, got %R", loop);
    return false;
  }
  if (!PyCoro_CheckExact(coroutine) && !is_coroutine(coroutine)) return false;
  PyRef self = new_handler_task();
  if (!self) return false;
  HandlerTaskFields& fields = handler_task_fields(self.get());
  fields.context = PyContext_CopyCurrent();
  if (fields.context == nullptr) return false;
  fields.loop = Py_NewRef(loop);
  fields.coroutine = Py_NewRef(coroutine);

  Step step;
  const bool contains = completion.contains();
  Completion* containing = contains ? &completion : nullptr;
  if (!step_without_task(self.get(), fields, step, containing)) {
    abandon(self.get(), fields);
    if (contains && containing == nullptr) {
      // It was told; who asked to drive must not be told of a failure as well.
      PyErr_WriteUnraisable(self.get());
      return true;
    }
    return false;
  }
  if (step.outcome != StepOutcome::kYielded && !fields.is_task && Py_REFCNT(self.get()) == 1) {
    // Nobody ever saw it.
    PyObject* value = step.value.get();
    if (step.outcome == StepOutcome::kReturned) {
      retire_handler_task(std::move(self));
      if (!contains) completion.done(value, nullptr);
    } else {
      self.reset();
      completion.done(nullptr, value);
      if (leaves_the_loop(value)) LoopState::of(loop).leave_with(std::move(step.value));
    }
    return true;
  }
  // Also where it has finished: somebody holds the task, and must find it done.
  if (containing != nullptr) {
    if (!materialise(self.get())) return false;
    set_containing(fields.adopted, completion);
  } else if (!contains) {
    fields.completion = &completion;
  }
  if (!continue_as_task(self.get(), fields, std::move(step))) {
    fields.completion = nullptr;
    if (containing != nullptr) return take_containing(fields.adopted) == nullptr;
    if (!contains) return false;
    PyErr_WriteUnraisable(self.get());
  }
  const bool still_to_tell = fields.completion != nullptr || has_containing(fields.adopted);
  if (still_to_tell) completion.suspended(loop, std::move(self));
  return true;
}

void forget_completion(PyObject* task) noexcept {
  HandlerTaskFields& fields = handler_task_fields(task);
  fields.completion = nullptr;
  if (fields.adopted != nullptr) static_cast<void>(take_containing(fields.adopted));
}

int register_driving() {
  PyRef module = PyRef::steal(PyImport_ImportModule("_asyncio"));
  if (!module) return -1;
  enter_task = PyObject_GetAttrString(module.get(), "_enter_task");
  leave_task = PyObject_GetAttrString(module.get(), "_leave_task");
  name_self = PyUnicode_InternFromString("__self__");
  PyRef task = PyRef::steal(PyObject_GetAttrString(module.get(), "Task"));
  if (enter_task == nullptr || leave_task == nullptr || name_self == nullptr || !task) return -1;
  add_done_callback = PyObject_GetAttrString(task.get(), "add_done_callback");
  result_method = PyObject_GetAttrString(task.get(), "result");
  if (add_done_callback == nullptr || result_method == nullptr) return -1;
  if (PyObject_HasAttrString(module.get(), "_register_eager_task") != 0) {
    register_eager = PyObject_GetAttrString(module.get(), "_register_eager_task");
    unregister_eager = PyObject_GetAttrString(module.get(), "_unregister_eager_task");
    if (register_eager == nullptr || unregister_eager == nullptr) return -1;
  }
  return 0;
}

}  // namespace data_bridge::pyloop
