// spawn_python_handler: C++ code on any thread starts a coroutine of Python, awaits it, cancels it.
#pragma once

#include <Python.h>

#include <concepts>
#include <coroutine>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "pyloop/mailbox.hpp"
#include "pyloop/shared_object.hpp"
#include "pyloop/spawn_arguments.hpp"

namespace data_bridge::pyloop {

/// Why a spawned coroutine has no result. The texts can be read without the GIL.
struct SpawnError {
  enum class Kind : std::uint8_t {
    kRaised,      // by the coroutine, by the function, or by the conversion of an argument
    kCancelled,   // by cancel(), or by Python code that cancelled the task
    kLoopClosed,  // before the coroutine had ended; it may not even have begun
  };
  Kind kind;
  /// "ValueError", "package.module.Name"; of kCancelled too. Empty for kLoopClosed.
  std::string type;
  /// str(exception)
  std::string message;
  /// As the traceback module prints it; only of kRaised.
  std::string traceback;
  /// The exception itself, empty for kLoopClosed: for whoever has the GIL.
  SharedObject exception;
};

using SpawnResult = std::expected<SharedObject, SpawnError>;

/// Where a C++ coroutine can be resumed: a runtime::Reactor, a thread pool.
template <typename T>
concept Executor = requires(T& executor, std::move_only_function<void()> task) { executor.post(std::move(task)); };

class SpawnState;

/// Cancels a spawned coroutine from any thread; does not need the GIL and never blocks for it.
class SpawnCanceller {
 public:
  /// Asks the loop to call Task.cancel(): the coroutine finds a CancelledError at its await and may refuse it, as
  /// any task may. One that has not begun never begins. Nothing happens to one that has ended.
  void cancel() const noexcept;

 private:
  friend class Spawned;
  explicit SpawnCanceller(std::shared_ptr<SpawnState> state) noexcept : state_(std::move(state)) {}
  std::shared_ptr<SpawnState> state_;
};

/// A coroutine that is due to run, runs, or has ended. It has one receiver: on_done() or co_await, once.
///
/// Let go of without a receiver, the coroutine runs on. Its exception then goes to the loop's exception handler,
/// once the loop was closed to sys.unraisablehook: it is never lost.
class Spawned {
 public:
  using Callback = std::move_only_function<void(SpawnResult)>;

  /// Waits in a C++ coroutine. If that is destroyed meanwhile, the Python task is cancelled and nothing is
  /// resumed; it must be destroyed on the thread that would resume it.
  class Awaiter {
   public:
    using Resume = std::move_only_function<void(std::move_only_function<void()>)>;
    Awaiter(std::shared_ptr<SpawnState> state, Resume resume) noexcept
        : state_(std::move(state)), resume_(std::move(resume)) {}
    Awaiter(Awaiter&&) = delete;
    ~Awaiter();

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiter);
    [[nodiscard]] SpawnResult await_resume();

   private:
    std::shared_ptr<SpawnState> state_;
    Resume resume_;
    bool waiting_ = false;
  };

  explicit Spawned(std::shared_ptr<SpawnState> state) noexcept : state_(std::move(state)) {}
  Spawned(Spawned&&) noexcept = default;
  Spawned& operator=(Spawned&& other) noexcept;
  Spawned(const Spawned&) = delete;
  Spawned& operator=(const Spawned&) = delete;
  ~Spawned();

  /// Calls `callback` once: on the loop's thread with the GIL and no exception set (it must leave none), or at once
  /// where the coroutine has ended already. With kLoopClosed it is called by whoever closes the loop, or,
  /// where it was closed before, here, with or without the GIL as this thread has it. It must not throw.
  void on_done(Callback callback);

  /// co_await gives the SpawnResult and goes on where the coroutine ended, as on_done() calls its callback.
  [[nodiscard]] Awaiter operator co_await() const noexcept { return {state_, nullptr}; }
  /// co_await spawned.resume_on(reactor): goes on in a task of `executor`, always, without the GIL. The executor
  /// must live until then.
  template <Executor E>
  [[nodiscard]] Awaiter resume_on(E& executor) const {
    return {state_, [&executor](std::move_only_function<void()> task) { executor.post(std::move(task)); }};
  }

  /// True once there is a result, or a receiver has had it.
  [[nodiscard]] bool done() const noexcept;
  /// As SpawnCanceller::cancel().
  void cancel() const noexcept { canceller().cancel(); }
  [[nodiscard]] SpawnCanceller canceller() const noexcept { return SpawnCanceller(state_); }

 private:
  std::shared_ptr<SpawnState> state_;
};

/// spawn_python_handler() for arguments that are made in another way.
[[nodiscard]] Spawned spawn_with(std::shared_ptr<LoopMailbox> loop, SharedObject function, SpawnArguments arguments);

/// Has `loop` call the coroutine function `function` with `args`, and run what it returns as a HandlerTask. From any
/// thread, without the GIL. The loop may not run yet: the coroutine begins when it does. The order of the
/// calls of one thread is kept.
///
/// Arguments are kept by value and made Python objects on the loop's thread: None (nullptr), bool, int, float, str
/// (any text), bytes (std::vector<std::byte>), a SharedObject, and whatever has a to_python(). An exception on
/// the way is the coroutine's.
template <typename... Args>
  requires(ToPython<Kept<Args>> && ...)
[[nodiscard]] Spawned spawn_python_handler(std::shared_ptr<LoopMailbox> loop, SharedObject function, Args&&... args) {
  return spawn_with(std::move(loop), std::move(function), keep_arguments(std::forward<Args>(args)...));
}

}  // namespace data_bridge::pyloop
