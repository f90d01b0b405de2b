// One epoll, its timers, its queue of tasks from other threads: the heart of a thread that does I/O.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <system_error>

#include "runtime/io_handler.hpp"

namespace data_bridge::runtime {

using Clock = std::chrono::steady_clock;
using Task = std::move_only_function<void()>;

/// Called once at the end of every turn in which it was requested (see Reactor::at_turn_end).
class TurnHook {
 public:
  virtual void on_turn_end() noexcept = 0;

 protected:
  ~TurnHook() = default;

 private:
  friend class Reactor;
  TurnHook* next_ = nullptr;
  bool requested_ = false;
};

/// A timer by slot and generation: a late cancel() of one that fired is harmless.
struct TimerId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
};

/// A level-triggered epoll loop. One per thread, never shared: everything but post(), wake() and
/// stop() belongs to the thread that runs it.
///
/// A thread without Python calls run(). PyLoop drives the same parts itself, so that it can take the
/// GIL between them: wait() -> dispatch() -> (Python callbacks) -> finish_turn().
class Reactor {
 public:
  static constexpr std::chrono::nanoseconds kForever = std::chrono::nanoseconds::max();
  /// The descriptors that one turn serves; the kernel goes round those that are ready (epoll_wait(2)). With all of
  /// them in one turn, whose answers leave at its end, a client that was answered early is back before those that
  /// wait, and they wait for it too: 64 connections that ask for pages had a p99 of 3.0 ms where it is 2.0 with 16.
  static constexpr std::size_t kEventsPerTurn = 16;

  /// Throws std::system_error where the kernel refuses an epoll instance or an eventfd.
  Reactor();
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // --- file descriptors -----------------------------------------------------------------------

  /// Starts watching `fd` for `interest` (EPOLLIN | EPOLLOUT | EPOLLRDHUP). EEXIST, EPERM (a regular
  /// file), EBADF as epoll_ctl(2) gives them.
  [[nodiscard]] std::error_code add(int fd, std::uint32_t interest, IoHandler& handler);
  /// Changes what is watched. ENOENT where fd is not registered.
  [[nodiscard]] std::error_code modify(int fd, std::uint32_t interest);
  /// Stops watching. Harmless for an fd that was closed already or never registered.
  void remove(int fd) noexcept;

  // --- timers ---------------------------------------------------------------------------------

  /// Runs `task` at the first turn at or after `when`; never early.
  TimerId schedule_at(Clock::time_point when, Task task);
  /// True where the timer was still pending.
  bool cancel(TimerId timer) noexcept;

  // --- from any thread ------------------------------------------------------------------------

  /// Runs `task` on the Reactor's thread, in the order of the calls. The kernel is asked to wake the thread
  /// only by the first task of a batch, and only while the thread sleeps. Tasks must not throw.
  void post(Task task);
  /// Makes a wait() in progress, or the next one, return. Async-signal-safe.
  void wake() noexcept;

  // --- turns ----------------------------------------------------------------------------------

  /// Calls `hook` at the end of this turn; once, however often it is requested within the turn. A hook that
  /// is requested while hooks run is called at the end of the next turn, which then does not block.
  void at_turn_end(TurnHook& hook) noexcept;
  /// Forgets a request of at_turn_end(); for a hook that is about to be destroyed.
  void forget(TurnHook& hook) noexcept;

  /// Waits for events, a timer, a posted task or wake(), at most `timeout` (kForever: no limit).
  /// Touches no state that other code on this thread could observe, so PyLoop calls it without the GIL.
  /// Returns early on EINTR, so that the caller can look at its signals.
  /// Gives the number of registered descriptors that are ready; 0 after the timeout, wake() or EINTR.
  std::size_t wait(std::chrono::nanoseconds timeout) noexcept;
  /// True where a signal ended the last wait() (EINTR).
  [[nodiscard]] bool interrupted() const noexcept;
  /// For a thread that waits by other means: readable where wait() would find a descriptor ready, or was woken.
  [[nodiscard]] int fd() const noexcept;
  /// How long that thread may wait for fd(): as long as wait(kForever) would. What is posted from now on wakes it.
  [[nodiscard]] std::chrono::nanoseconds begin_waiting() noexcept;
  /// Runs the I/O handlers of the last wait(), then posted tasks, then due timers.
  void dispatch();
  /// Runs the turn-end hooks (the vectored writes).
  void finish_turn() noexcept;

  /// wait, dispatch, finish_turn until stop(). For threads without Python.
  void run();
  /// Makes run() return after the current turn. From any thread; also before run().
  void stop() noexcept;

  /// Registered descriptors. PyLoop compares it with its own to see whether native I/O shares the Reactor.
  [[nodiscard]] std::size_t size() const noexcept;
  /// Memory for one recv(2), shared by everything on this thread: its content is gone with the next
  /// handler's call. kReceivePadding more bytes behind it may be read (not meaningfully) by vector code.
  [[nodiscard]] std::span<char> receive_buffer() noexcept;
  static constexpr std::size_t kReceiveSize = 512 * 1024;
  static constexpr std::size_t kReceivePadding = 64;

  /// For the only thread of a forked child, whose copy of the Reactor still has the parent's epoll instance: what is
  /// added or removed there, the parent loses. Makes an instance of its own in which nothing is registered; add()
  /// again what shall be. Where the kernel refuses one, every add() fails from then on.
  [[nodiscard]] std::error_code reopen() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace data_bridge::runtime
