// A coroutine driven at once, with an asyncio.Task only where it turns out to need one.
#pragma once

#include <Python.h>

#include "pyloop/loop_state.hpp"

namespace data_bridge::pyloop {

/// Told how a driven coroutine ended. Called exactly once, on the loop's thread, with the GIL: inside
/// drive() where the coroutine never suspended, else from a callback or, see contains(), a step of its task. A task
/// that is destroyed unfinished (its loop was closed under it) reports a CancelledError then.
class Completion {
 public:
  /// `result` xor `exception`, both borrowed. Must leave no Python exception set.
  virtual void done(PyObject* result, PyObject* exception) noexcept = 0;
  /// The coroutine waits, and has a task, for whoever may have to cancel it. At most once, within drive().
  virtual void suspended(PyObject* /*loop*/, PyRef /*task*/) noexcept {}
  [[nodiscard]] bool contains() const noexcept { return contains_; }

 protected:
  /// `contains`: whatever the coroutine raises ends here, as in the `except BaseException` of uvicorn's run_asgi().
  /// done() is called inside the coroutine's task and Context; the task itself returns None, and SystemExit and
  /// KeyboardInterrupt do not leave the loop.
  explicit Completion(bool contains = false) noexcept : contains_(contains) {}
  ~Completion() = default;

 private:
  const bool contains_;
};

/// Steps `coroutine` (borrowed) on the running PyLoop `loop` as a HandlerTask, in a fresh copy of
/// the current Context. current_task() is one object, an asyncio.Task, from the first
/// instruction to the last; a real Task is initialised only if the coroutine suspends or
/// something needs it. Returns false with a Python exception set, and without having
/// called `completion`, only where the machinery itself failed (no memory, not a coroutine).
///
/// SystemExit and KeyboardInterrupt are reported like any exception and, unless the completion contains them, leave
/// run_forever() afterwards.
[[nodiscard]] bool drive(PyObject* loop, PyObject* coroutine, Completion& completion);
/// The completion that drive() was given for `task` is not told any more.
void forget_completion(PyObject* task) noexcept;

/// Takes `callback` if it is the first step of capture.task; false for anything else that is scheduled meanwhile,
/// say by a finaliser that the collector runs.
[[nodiscard]] bool capture_step(StepCapture& capture, PyObject* callback) noexcept;

/// The type HandlerTask and the function drive().
int register_handler_task(PyObject* module);

}  // namespace data_bridge::pyloop
