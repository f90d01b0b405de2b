// The way into a loop for other threads: it outlives the loop, so that a late sender finds it closed and not gone.
#pragma once

#include <Python.h>

#include <atomic>
#include <mutex>
#include <vector>

#include "pyloop/loop.hpp"
#include "runtime/fork_locks.hpp"
#include "runtime/reactor.hpp"

namespace data_bridge::pyloop {

/// Shared by one PyLoop (LoopCore::mailbox) and everyone who sends to it. No method needs the GIL but those that
/// say so, none waits for it, and no lock is held while Python code runs.
class LoopMailbox {
 public:
  /// `loop` and `reactor` must live until shut(). For LoopState alone.
  LoopMailbox(PyObject* loop, runtime::Reactor& reactor) noexcept : loop_(loop), reactor_(&reactor) {}
  LoopMailbox(const LoopMailbox&) = delete;
  LoopMailbox& operator=(const LoopMailbox&) = delete;
  ~LoopMailbox() = default;

  /// Has the loop run `work` in its next turn. False where the loop was closed: then nothing was queued.
  [[nodiscard]] bool post(PythonWork& work) noexcept;
  /// Takes over a reference and drops it: at once where this thread has the GIL, else in the loop's next turn.
  /// Once the loop was closed this acquires the GIL, and when the interpreter is gone the memory is left to it.
  void let_go(PyObject* object) noexcept;
  /// Runs `work`, which lets things of Python's go, under the same rules; it is left behind with the interpreter.
  void let_go(PythonWork& work) noexcept;

 private:
  friend class LoopState;
  friend class SpawnState;
  friend class ThreadPool;

  struct Content {
    PythonWork* head = nullptr;
    PythonWork* tail = nullptr;
    std::vector<PyObject*> objects;
  };

  /// Anything posted or let go.
  [[nodiscard]] bool filled() const noexcept { return filled_.load(std::memory_order_acquire); }
  [[nodiscard]] Content take() noexcept;
  /// After this post() refuses. Gives what was still queued.
  [[nodiscard]] Content shut() noexcept;
  /// Borrowed; null after shut(). With the GIL.
  [[nodiscard]] PyObject* loop() const noexcept { return loop_; }
  [[nodiscard]] bool fill_locked() noexcept;
  void wake() noexcept;
  [[nodiscard]] bool keep(PyObject* object, bool& sleeps) noexcept;

  PyObject* loop_;  // guarded by the GIL
  std::mutex mutex_;
  bool open_ = true;  // under mutex_
  Content content_;   // under mutex_
  // Not the same: the loop wakes up at once, and would wait for a lock that whoever woke it still has.
  std::mutex waking_;
  runtime::Reactor* reactor_;  // under waking_
  std::atomic<bool> filled_{false};
  runtime::ForkLocks fork_locks_{mutex_, &waking_};
};

/// The GIL for a thread that may not have it; void where the interpreter is gone or going.
class GilGuard {
 public:
  GilGuard() noexcept;
  ~GilGuard();
  GilGuard(const GilGuard&) = delete;
  GilGuard& operator=(const GilGuard&) = delete;
  explicit operator bool() const noexcept { return held_; }

 private:
  bool held_ = false;
  bool waited_ = false;  // holds up the interpreter's end
  PyGILState_STATE state_{};
};

/// Has the interpreter's end wait for those who take the GIL. 0, or -1 with a Python exception.
int register_mailbox();

/// True on a thread that has the GIL of a living interpreter.
[[nodiscard]] bool has_gil() noexcept;

}  // namespace data_bridge::pyloop
