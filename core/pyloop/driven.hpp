// A coroutine that C++ has a loop run, to its one end: for requests and for what is spawned alike.
#pragma once

#include <Python.h>

#include "pyloop/handler_task.hpp"
#include "pyloop/loop_state.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::pyloop {

/// Base of what owns one coroutine on a loop. All on the loop's thread, with the GIL. pyloop::drive() with it, where
/// that succeeds, is followed by exactly one on_end() or on_loop_closed(), within which the object may end; until then
/// it must live.
class Driven : public Completion, private LoopResident {
 public:
  Driven(const Driven&) = delete;
  Driven& operator=(const Driven&) = delete;

  /// Task.cancel(): CancelledError where the coroutine waits, or will wait first. Nothing where it has ended.
  void cancel() noexcept;

 protected:
  using Completion::Completion;
  ~Driven() = default;

  /// The coroutine has ended: `result` xor `exception`, both borrowed. Must leave no Python exception set.
  virtual void on_end(PyObject* result, PyObject* exception) noexcept = 0;
  /// The loop was closed while the coroutine waited: it will not go on.
  virtual void on_loop_closed() noexcept = 0;

 private:
  void done(PyObject* result, PyObject* exception) noexcept final;
  void suspended(PyObject* loop, PyRef task) noexcept final;
  void loop_closed() noexcept final;
  [[nodiscard]] PyObject* kept() const noexcept final { return task_.get(); }

  PyRef task_;                 // while it waits
  LoopState* loop_ = nullptr;  // where this is a resident meanwhile
  bool cancel_due_ = false;
};

}  // namespace data_bridge::pyloop
