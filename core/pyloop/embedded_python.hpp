// A Python interpreter inside a test program, with data_bridge.loop on the native half that is linked in.
#pragma once

#include <Python.h>

#include <memory>
#include <string>
#include <thread>

#include "pyloop/loop.hpp"
#include "pyloop/mailbox.hpp"
#include "pyloop/py_ref.hpp"
#include "pyloop/shared_object.hpp"

namespace data_bridge::pyloop::testing {

/// Starts the interpreter; afterwards no thread has the GIL. False where that failed; Python said why on stderr.
[[nodiscard]] bool start_python();
void stop_python();

/// Runs `source` in the namespace that all snippets share; reports an exception as a failed test. With the GIL.
void run_python(const char* source);
/// The value of an expression in that namespace. With the GIL.
[[nodiscard]] PyRef evaluate(const char* expression);
[[nodiscard]] long evaluate_long(const char* expression);

/// A PyLoop in a thread of its own, from the constructor to stop().
class LoopThread {
 public:
  /// `run` false: the loop exists, but does not run before start().
  explicit LoopThread(bool run = true);
  ~LoopThread() { stop(); }
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  void start();
  /// Stops and closes the loop, dropping what is still pending. Harmless the second time.
  void stop();
  [[nodiscard]] const std::shared_ptr<LoopMailbox>& mailbox() const { return mailbox_; }
  [[nodiscard]] LoopCore& core() const { return *core_; }
  /// A Python function by its name in the shared namespace, for spawn_python_handler(). Takes the GIL.
  [[nodiscard]] SharedObject function(const char* name) const;

 private:
  SharedObject loop_;
  LoopCore* core_ = nullptr;
  std::shared_ptr<LoopMailbox> mailbox_;
  std::thread thread_;
};

}  // namespace data_bridge::pyloop::testing
