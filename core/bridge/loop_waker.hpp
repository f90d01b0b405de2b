// From a change on a connection's thread to whoever waits for it on the application's loop.
#pragma once

#include <Python.h>

#include <memory>

#include "bridge/app_context.hpp"
#include "pyloop/loop.hpp"
#include "pyloop/mailbox.hpp"

namespace data_bridge::bridge {

/// Has its conversation told of changes on the loop's thread, with the GIL.
class LoopWaker : public pyloop::PythonWork {
 public:
  void run() noexcept final;
  void drop() noexcept final;

 protected:
  /// `local`: the connection lives on the loop's thread.
  LoopWaker(const AppContext& app, bool local) noexcept : loop_(local ? &app.core : nullptr), mailbox_(app.mailbox) {}
  ~LoopWaker() = default;

  /// Has told() called; `self` keeps this alive until then.
  void queue(std::shared_ptr<void> self) noexcept;

  /// Not `open`: the loop was closed, and with it everyone who could read.
  virtual void told(bool open) noexcept = 0;

 private:
  pyloop::LoopCore* loop_;  // null where the connection lives on another thread, which may outlive it
  std::shared_ptr<pyloop::LoopMailbox> mailbox_;
  std::shared_ptr<void> queued_;
};

}  // namespace data_bridge::bridge
