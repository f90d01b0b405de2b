// A few threads for calls that may wait for a disk.
#include "runtime/blocking_threads.hpp"

#include <system_error>
#include <utility>

#include "runtime/thread.hpp"

namespace data_bridge::runtime {

BlockingThreads::~BlockingThreads() {
  {
    std::deque<Work> dropped;
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    dropped.swap(waiting_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void BlockingThreads::submit(Work work) {
  bool all_busy = false;
  {
    const std::scoped_lock lock(mutex_);
    waiting_.push_back(std::move(work));
    all_busy = waiting_.size() > idle_;
  }
  changed_.notify_one();
  if (!all_busy || threads_.size() == kMost) return;
  try {
    threads_.push_back(start_thread("data_bridge-file", [this] { run(); }));
  } catch (const std::system_error&) {
    if (threads_.empty()) throw;  // else those that there are get to it
  }
}

void BlockingThreads::run() noexcept {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    changed_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
    --idle_;
    if (ended_) return;
    Work work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // what it holds ends here, not under the lock
    lock.lock();
  }
}

}  // namespace data_bridge::runtime
