// A few threads for calls that may wait for a disk.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace data_bridge::runtime {

/// Begins a thread where all are busy, up to kMost: a file system that does not answer is not in the way of others.
class BlockingThreads {
 public:
  using Work = std::move_only_function<void()>;
  static constexpr std::size_t kMost = 4;

  BlockingThreads() = default;
  BlockingThreads(const BlockingThreads&) = delete;
  BlockingThreads& operator=(const BlockingThreads&) = delete;
  /// Drops what has not begun, and waits for what has.
  ~BlockingThreads();

  /// Has `work`, which must not throw, run by one of the threads. From one thread, its owner's. Throws where there can
  /// be no thread at all.
  void submit(Work work);

 private:
  void run() noexcept;

  std::vector<std::thread> threads_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<Work> waiting_;
  std::size_t idle_ = 0;
  bool ended_ = false;
};

}  // namespace data_bridge::runtime
