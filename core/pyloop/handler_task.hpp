// A coroutine driven at once, with an asyncio.Task only where it turns out to need one.
#pragma once

#include <Python.h>

namespace data_bridge::pyloop {

/// Told how a driven coroutine ended. Called exactly once, on the loop's thread, with the GIL: inside
/// drive() where the coroutine never suspended, else from a callback of its task.
class Completion {
 public:
  /// `result` xor `exception`, both borrowed.
  virtual void done(PyObject* result, PyObject* exception) noexcept = 0;

 protected:
  ~Completion() = default;
};

/// Steps `coroutine` (borrowed) on the running PyLoop `loop` as a HandlerTask, in a fresh copy of
/// the current Context. current_task() is one object, an asyncio.Task, from the first
/// instruction to the last; a real Task is initialised only if the coroutine suspends or
/// something needs it. Returns false with a Python exception set, and without having
/// called `completion`, only where the machinery itself failed (no memory, not a coroutine).
[[nodiscard]] bool drive(PyObject* loop, PyObject* coroutine, Completion& completion);

}  // namespace data_bridge::pyloop
