// What stands behind a Spawned: from the call on some thread to the receiver of its result.
#pragma once

#include <Python.h>

#include <atomic>
#include <coroutine>
#include <memory>
#include <mutex>
#include <optional>

#include "pyloop/driven.hpp"
#include "pyloop/spawn.hpp"

namespace data_bridge::pyloop {

/// Shared by the Spawned, its cancellers, and (start_, cancel_, running_) by whatever of the loop points here.
class SpawnState final : public std::enable_shared_from_this<SpawnState>, private Driven {
 public:
  SpawnState(std::shared_ptr<LoopMailbox> mailbox, SharedObject function, SpawnArguments arguments) noexcept
      : mailbox_(std::move(mailbox)), function_(std::move(function)), arguments_(std::move(arguments)) {}

  // --- on any thread ----------------------------------------------------------------------------
  void submit();
  void cancel() noexcept;
  void set_callback(Spawned::Callback callback);
  /// False where the result is there and the waiter need not be suspended.
  [[nodiscard]] bool set_waiter(std::coroutine_handle<> waiter, Spawned::Awaiter::Resume resume);
  [[nodiscard]] SpawnResult take_result();
  /// The waiter is gone: nobody is resumed, and nobody needs the result.
  void forget_waiter() noexcept;
  /// The Spawned is gone. Somebody else has to report an exception, unless there is a receiver.
  void forget_handle() noexcept;
  [[nodiscard]] bool settled() noexcept;

 private:
  /// A place in the loop's queue, which keeps the state alive while it is taken.
  class Entry : public PythonWork {
   public:
    std::shared_ptr<SpawnState> state;

   protected:
    ~Entry() = default;
  };
  class Start final : public Entry {
   public:
    void run() noexcept override;
    void drop() noexcept override;
  };
  class Cancel final : public Entry {
   public:
    void run() noexcept override;
    void drop() noexcept override;
  };
  /// Reports `error`, which nobody will receive, through the loop. Owns itself.
  class Report;

  void begin();
  void on_end(PyObject* result, PyObject* exception) noexcept override;
  void on_loop_closed() noexcept override;
  void fail(PyRef exception) noexcept;
  [[nodiscard]] SpawnError error_of(PyObject* exception) const noexcept;
  void settle(SpawnResult result) noexcept;
  void resume() noexcept;
  void report(SpawnError error) noexcept;

  const std::shared_ptr<LoopMailbox> mailbox_;
  SharedObject function_;     // the loop's thread's, once submitted
  SpawnArguments arguments_;  // likewise
  std::atomic<bool> cancel_requested_{false};
  std::atomic<bool> cancel_queued_{false};
  Start start_;
  Cancel cancel_;

  // Guarded by the GIL.
  std::shared_ptr<SpawnState> running_;  // from the first step to the end

  std::mutex mutex_;
  // Under mutex_.
  bool settled_ = false;
  bool abandoned_ = false;  // no receiver, and there will be none
  std::optional<SpawnResult> result_;
  Spawned::Callback callback_;
  std::coroutine_handle<> waiter_;
  Spawned::Awaiter::Resume resume_;
};

}  // namespace data_bridge::pyloop
