// Threads for work that blocks.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/reactor.hpp"

namespace data_bridge::runtime {

/// A fixed number of threads with one FIFO queue. Tasks must not throw.
class WorkerPool {
 public:
  /// Starts `threads` threads (at least one), named `name` (at most 15 characters, for top and gdb).
  explicit WorkerPool(std::size_t threads, const char* name = "worker");
  ~WorkerPool();  ///< stop()
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// From any thread. False, and `task` dropped, after stop() was called.
  bool post(Task task);
  /// Takes no more tasks, finishes those queued, joins the threads. Not from one of them. Idempotent.
  void stop();
  /// Tasks that no thread has begun.
  [[nodiscard]] std::size_t queued() const;

 private:
  void run();

  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Task> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace data_bridge::runtime
