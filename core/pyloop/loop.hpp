// The C++ side of data_bridge.PyLoop, for the code that hands it work.
#pragma once

#include <Python.h>

#include <memory>

#include "runtime/reactor.hpp"

namespace data_bridge::pyloop {

class LoopMailbox;

/// A piece of Python work that native code found. Owned by whoever made it; it must live until run().
class PythonWork {
 public:
  /// On the loop's thread, with the GIL, inside no task and no Context of its own. Must leave no Python
  /// exception set. The object may delete itself, or enqueue itself again.
  virtual void run() noexcept = 0;
  /// Instead of run() where the loop is closed first; with the GIL, otherwise as run().
  virtual void drop() noexcept {}

 protected:
  ~PythonWork() = default;

 private:
  friend class LoopCore;
  friend class LoopMailbox;
  friend class LoopState;
  PythonWork* next_ = nullptr;
};

/// The native half of a running PyLoop.
///
/// A turn: wait (no GIL) -> I/O, posted tasks and native timers (no GIL) -> if anything for Python is due:
/// the GIL, then the batch of PythonWork, asyncio's I/O callbacks, due asyncio timers, the ready queue ->
/// the turn's writes (no GIL where the wait that follows blocks).
class LoopCore {
 public:
  /// The native half of `loop`, a borrowed PyLoop; nullptr and TypeError for any other object.
  static LoopCore* from_object(PyObject* loop);

  LoopCore(const LoopCore&) = delete;
  LoopCore& operator=(const LoopCore&) = delete;

  [[nodiscard]] runtime::Reactor& reactor() noexcept;
  /// Runs `work` in this turn, in FIFO order. On the loop's thread; the GIL is not needed.
  void enqueue(PythonWork& work) noexcept;
  /// The way in for other threads, whose post() says where the loop was closed before: it outlives the loop.
  [[nodiscard]] const std::shared_ptr<LoopMailbox>& mailbox() const noexcept;
  /// True on the thread that runs this loop.
  [[nodiscard]] bool in_loop_thread() const noexcept;

 private:
  friend class LoopState;
  LoopCore() = default;
  ~LoopCore() = default;
};

/// Adds LoopBase, Handle, TimerHandle, HandlerTask and drive() to the extension module.
/// 0, or -1 with a Python exception.
int register_pyloop(PyObject* module);

}  // namespace data_bridge::pyloop
