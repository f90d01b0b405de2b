// What a PyLoop consists of behind its Python type.
#pragma once

#include <Python.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pyloop/datagram_inbox.hpp"
#include "pyloop/fd_watch.hpp"
#include "pyloop/loop.hpp"
#include "pyloop/mailbox.hpp"
#include "pyloop/py_ref.hpp"
#include "pyloop/ready_queue.hpp"
#include "runtime/deadline_heap.hpp"
#include "runtime/reactor.hpp"

namespace data_bridge::pyloop {

class ThreadPool;

/// The read end of the pair whose other end is signal.set_wakeup_fd(): keeps the signal numbers until the GIL is held.
class SignalInbox final : public runtime::IoHandler {
 public:
  void on_events(std::uint32_t events) noexcept override;

  int fd = -1;
  std::string numbers;
};

/// While set, call_soon() hands over the first step of this task instead of scheduling it (handler_task.cpp).
struct StepCapture {
  PyObject* task = nullptr;
  PyRef step;
};

/// Native code that waits for something on a loop, and must hear of the loop's end.
class LoopResident {
 public:
  /// The loop was closed, or is about to be collected. With the GIL; it was removed from the loop already.
  virtual void loop_closed() noexcept = 0;
  /// The Python object that it keeps alive; borrowed, or null.
  [[nodiscard]] virtual PyObject* kept() const noexcept = 0;

 protected:
  ~LoopResident() = default;

 private:
  friend class LoopState;
  LoopResident* previous_ = nullptr;
  LoopResident* next_ = nullptr;
};

/// Everything here is guarded by the GIL, but for what says otherwise.
class LoopState final : public LoopCore {
 public:
  /// `self` owns this state; borrowed. Throws std::system_error where the kernel refuses an epoll instance.
  explicit LoopState(PyObject* self) : self_(self) {}
  ~LoopState() = default;

  /// The state of an instance of LoopBase.
  static LoopState& of(PyObject* loop) noexcept;

  // --- scheduling -------------------------------------------------------------------------------
  /// Puts a handle (new reference stolen) at the end of the ready queue. False without memory: nothing was stolen.
  [[nodiscard]] bool push_ready(PyObject* handle) noexcept { return ready_.push(handle); }
  void push_timer(double when, PyObject* handle) { timers_.push(when, handle); }
  void timer_cancelled(PyObject* handle) noexcept;
  /// Makes a blocking wait return. From any thread that holds the GIL.
  void wake() noexcept;

  // --- streams ----------------------------------------------------------------------------------
  /// True while Python callbacks of a turn run: what they write is sent together at its end.
  [[nodiscard]] bool in_turn() const noexcept { return in_turn_; }
  /// Calls flush_stream(transport) at the end of this turn. False without memory.
  [[nodiscard]] bool flush_at_turn_end(PyObject* transport) noexcept;
  /// Scratch memory for one read, of at least `size` bytes; null without memory.
  [[nodiscard]] char* read_buffer(std::size_t size) noexcept;

  // --- datagrams --------------------------------------------------------------------------------
  /// For one read; null without memory.
  [[nodiscard]] DatagramInbox* datagram_inbox() noexcept;
  [[nodiscard]] AddressCache& addresses() noexcept { return addresses_; }

  // --- residents --------------------------------------------------------------------------------
  /// `resident` must be removed, or hear loop_closed(), before it ends.
  void add_resident(LoopResident& resident) noexcept;
  void remove_resident(LoopResident& resident) noexcept;

  // --- running ----------------------------------------------------------------------------------
  /// Turns until stop(). False with an exception: SystemExit, KeyboardInterrupt, or from a signal handler.
  [[nodiscard]] bool run();
  /// True within run().
  [[nodiscard]] bool running() const noexcept { return running_; }
  /// Exactly one turn.
  [[nodiscard]] bool run_once();
  /// Before the turns of a run within a turn of this loop or of another (nest_asyncio): sends what that turn has
  /// written so far. False with an exception.
  [[nodiscard]] bool begin_nested();
  /// After them, in any case.
  void end_nested() noexcept;
  /// True where a run is nested, so that a handle's Context may be one that is entered further up the stack: then the
  /// handle waits for the end of the nested run. Takes a reference of its own.
  [[nodiscard]] bool defer(PyObject* handle) noexcept;
  /// Instead of run(), between begin_guest() and end_guest(): a turn that waits for nothing, on the thread of another
  /// loop, which calls it when reactor().fd() is readable or so many seconds have passed. Negative with an exception.
  [[nodiscard]] double guest_turn();
  /// Sends what was written since the last turn. Seconds as guest_turn().
  [[nodiscard]] double guest_flush();
  void begin_guest() noexcept;
  void end_guest() noexcept;
  /// Raises `exception` out of run() at the end of the batch of PythonWork.
  void leave_with(PyRef exception) noexcept { leaving_ = std::move(exception); }
  [[nodiscard]] PyRef take_leaving() noexcept { return std::move(leaving_); }
  /// In a forked child: leaves the parent's epoll instance alone from now on. `runs_here` where the thread that has
  /// forked was running this loop; no other thread is left that could.
  [[nodiscard]] std::error_code reopen(bool runs_here) noexcept;
  /// Drops every handle, timer and watch.
  void clear() noexcept;
  int traverse(visitproc visit, void* arg) const;

  /// Seconds of CLOCK_MONOTONIC, bit for bit what time.monotonic() gives.
  static double now() noexcept;
  /// What the loop's time() says: now(), unless a subclass or a test has replaced it. False with an exception.
  [[nodiscard]] bool clock(double& seconds);

  FdWatches& watches() noexcept { return watches_; }
  [[nodiscard]] const ReadyQueue<PyObject>& ready() const noexcept { return ready_; }
  [[nodiscard]] const runtime::DeadlineHeap<double, PyObject*>& timers() const noexcept { return timers_; }
  SignalInbox& signals() noexcept { return signals_; }

  bool debug = false;
  bool closed = false;
  bool stopping = false;
  bool has_thread = false;
  bool native_clock = true;
  unsigned long thread_id = 0;
  double clock_resolution = 1e-9;
  std::size_t timers_cancelled = 0;
  PyRef current_handle;
  StepCapture capture;
  /// Of set_task_factory(); empty for None.
  PyRef task_factory;
  /// The keyword arguments of every new Task and Future (loop_futures.cpp).
  PyRef future_options;
  /// A resident; null until a sync function is called in a thread.
  ThreadPool* thread_pool = nullptr;

 private:
  friend class LoopCore;

  void poll() noexcept;
  void show_waiting_to_collector() noexcept;
  [[nodiscard]] double begin_waiting();
  void restore(PyThreadState* thread);
  [[nodiscard]] bool wait_for_python();
  [[nodiscard]] bool python_is_due() noexcept;
  [[nodiscard]] bool run_work();
  [[nodiscard]] bool run_signals();
  [[nodiscard]] bool collect_due_timers();
  void tidy_timers() noexcept;
  void sweep_timers() noexcept;
  [[nodiscard]] bool run_ready(std::size_t count);
  [[nodiscard]] bool run_ready_handle(PyObject* handle);
  [[nodiscard]] bool run_debugged(PyObject* handle);
  [[nodiscard]] bool run_turn();
  [[nodiscard]] bool flush_streams();
  void end_residents() noexcept;

  PyObject* self_;
  runtime::Reactor reactor_;
  FdWatches watches_{reactor_};
  SignalInbox signals_;
  ReadyQueue<PyObject> ready_;
  runtime::DeadlineHeap<double, PyObject*> timers_;
  PyRef leaving_;
  std::vector<PyRef> unflushed_;
  std::vector<PyRef> deferred_;
  unsigned nested_ = 0;
  std::unique_ptr<char[]> read_buffer_;
  std::unique_ptr<DatagramInbox> datagram_inbox_;
  AddressCache addresses_;
  bool in_turn_ = false;
  bool running_ = false;
  bool guest_ = false;

  // Work of this thread; no lock.
  PythonWork* work_head_ = nullptr;
  PythonWork* work_tail_ = nullptr;
  // What of it this turn still has to run: a nested run within one piece goes on with the others.
  PythonWork* batch_ = nullptr;
  // Work from other threads.
  std::shared_ptr<LoopMailbox> mailbox_ = std::make_shared<LoopMailbox>(self_, reactor_);
  LoopResident* residents_ = nullptr;

  // Set by a thread that holds the GIL, read by the loop's thread without it.
  std::atomic<bool> woken_{false};
  bool sleeping_ = false;
  std::atomic<std::thread::id> runner_{};
  std::uint32_t turns_since_release_ = 0;
  double released_at_ = 0;
};

/// An instance of LoopBase.
struct LoopObject {
  PyObject_HEAD LoopState* state;
};

inline LoopState& LoopState::of(PyObject* loop) noexcept { return *reinterpret_cast<LoopObject*>(loop)->state; }

}  // namespace data_bridge::pyloop
