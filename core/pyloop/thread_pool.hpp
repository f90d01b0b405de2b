// The threads that run the sync functions of one loop, where anyio's would.
#pragma once

#include <Python.h>

#include <atomic>
#include <memory>
#include <vector>

#include "pyloop/job_queue.hpp"
#include "pyloop/loop_state.hpp"
#include "pyloop/mailbox.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::pyloop {

/// Something that is called here, or gone around, while it is what it was.
struct OwnFact {
  PyRef owner;  ///< a module or a class
  PyRef name;
  PyRef value;
  unsigned version = 0;  ///< of the class, when it was looked at last
};

/// What of anyio's the pool works with, read by data_bridge.compile.threads; empty where this anyio is not known.
struct ThreadServices {
  /// Who does all of it where this cannot.
  struct Others {
    PyRef anyios;    ///< on another loop, or without a task
    PyRef in_scope;  ///< for tasks with a cancel scope of anyio's around them
  };
  Others limited;      ///< as Starlette's run_in_threadpool
  Others unlimited;    ///< as anyio.to_thread.run_sync with a limiter that nobody else has
  PyRef task_states;   ///< dict: weak reference to a task -> its state
  PyRef open;          ///< (loop) -> (dict, key) of the limiter, and the scope of tasks that have none
  PyRef limiter;       ///< () -> the default limiter of the running loop, made where there is none
  PyRef limiter_type;  ///< whose methods, and attributes, are known
  PyRef locals;        ///< anyio's threading.local
  PyRef library;       ///< sniffio's context variable, or None
  PyRef start_thread;  ///< (pool, loop): starts a thread that calls pool.work()
  std::vector<OwnFact> own;
};

/// Null before data_bridge.compile.threads was imported.
[[nodiscard]] const ThreadServices* thread_services() noexcept;
/// Nobody has patched anything of it. False also with an exception.
[[nodiscard]] bool thread_services_are_own() noexcept;
/// Whether there is a cancel scope of anyio's around the running task, or that cannot be told. With the GIL.
[[nodiscard]] bool within_cancel_scope() noexcept;

/// A call that a thread makes for a task. Deletes itself.
class ThreadJob;

class ThreadPool final : private LoopResident, public std::enable_shared_from_this<ThreadPool> {
 public:
  /// The pool of `loop`, a PyLoop that runs; null with an exception, or without
  /// where anyio keeps its limiter somewhere else.
  [[nodiscard]] static std::shared_ptr<ThreadPool> of(PyObject* loop);

  ThreadPool(PyRef vars, PyRef key, PyRef scope, std::shared_ptr<LoopMailbox> mailbox) noexcept;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  /// anyio's default limiter of this loop; empty with an exception.
  [[nodiscard]] PyRef limiter() const;
  /// Calls values[0](*values[1:], **names) in `context`, for `future`. `scope`: what anyio.from_thread sees; null for a
  /// task without any. On the loop's thread, or another with the GIL. False with an exception.
  [[nodiscard]] bool submit(PyObject* future, PyRef context, PyObject* scope, PyObject* const* values,
                            std::size_t count, PyObject* names);
  /// Jobs one after the other, until this thread is to end. With the GIL. False with an exception.
  bool work();
  /// Ends the threads that have no job. With the GIL.
  void stop() noexcept;
  [[nodiscard]] std::size_t threads() noexcept { return queue_->threads(); }

  // --- at the turns of the loop ---

  /// Before anything else is run, which may block: wakes who was called for jobs, where nobody else would.
  void kick_before_others() noexcept {
    if (queue_->must_kick()) queue_->kick();
  }
  /// The loop asks for the GIL, and has got it.
  void loop_waits(bool waits) noexcept {
    loop_waits_.store(waits);
    if (!waits) loop_waits_.notify_all();
  }
  /// Before the loop waits.
  void kick() noexcept {
    if (queue_->has_called()) queue_->kick();
  }

 private:
  /// Hands results to their futures, in the loop.
  struct Delivery final : PythonWork {
    explicit Delivery(ThreadPool& owner) noexcept : pool(owner) {}
    void run() noexcept override;
    void drop() noexcept override {}  // loop_closed() does

    ThreadPool& pool;
    std::atomic<bool> told{false};
  };

  void tell_loop() noexcept;
  void loop_closed() noexcept override;
  [[nodiscard]] PyObject* kept() const noexcept override { return vars_.get(); }
  bool start_thread();
  bool start_missing(QueuedJob* job);
  void renew_after_fork() noexcept;

  PyRef vars_;  // anyio's RunVars of this loop
  PyRef key_;
  PyRef scope_;
  std::shared_ptr<LoopMailbox> mailbox_;
  LoopState* state_ = nullptr;        // while the loop is open
  std::shared_ptr<ThreadPool> self_;  // likewise
  std::unique_ptr<JobQueue> queue_;
  Delivery delivery_{*this};
  std::atomic<bool> loop_waits_{false};
  unsigned generation_;  // of forks
};

/// The type ThreadPool, run_in_threadpool(), call_in_thread() and set_thread_services().
int register_thread_pool(PyObject* module);
/// Its part in thread_call.cpp.
int register_thread_call(PyObject* module);

}  // namespace data_bridge::pyloop
