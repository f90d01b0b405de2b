// A few threads for calls that may wait for a disk.
#include "runtime/blocking_threads.hpp"

#include <system_error>
#include <utility>

#include "runtime/thread.hpp"

namespace data_bridge::runtime {

void BlockingThreads::Place::leave() noexcept {
  const std::shared_ptr<Queue> queue = std::move(queue_);
  if (queue == nullptr) return;
  std::map<std::uint64_t, Work>::node_type dropped;  // what it holds ends behind the lock
  const std::scoped_lock lock(queue->mutex);
  dropped = queue->waiting.extract(number_);
}

BlockingThreads::BlockingThreads() : queue_(std::make_shared<Queue>()) {}

BlockingThreads::~BlockingThreads() {
  {
    std::map<std::uint64_t, Work> dropped;
    const std::scoped_lock lock(queue_->mutex);
    queue_->ended = true;
    dropped.swap(queue_->waiting);
  }
  queue_->changed.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

BlockingThreads::Place BlockingThreads::submit(Work work) {
  bool all_busy = false;
  std::uint64_t number = 0;
  {
    const std::scoped_lock lock(queue_->mutex);
    number = ++queue_->last_number;
    queue_->waiting.emplace_hint(queue_->waiting.end(), number, std::move(work));
    all_busy = queue_->waiting.size() > queue_->idle;
  }
  Place place(queue_, number);
  queue_->changed.notify_one();
  if (!all_busy || threads_.size() == kMost) return place;
  try {
    threads_.push_back(start_thread("data_bridge-file", [queue = queue_] { run(*queue); }));
  } catch (const std::system_error&) {
    if (threads_.empty()) throw;  // else those that there are get to it
  }
  return place;
}

std::size_t BlockingThreads::waiting() const {
  const std::scoped_lock lock(queue_->mutex);
  return queue_->waiting.size();
}

void BlockingThreads::run(Queue& queue) noexcept {
  std::unique_lock lock(queue.mutex);
  while (true) {
    ++queue.idle;
    queue.changed.wait(lock, [&queue] { return queue.ended || !queue.waiting.empty(); });
    --queue.idle;
    if (queue.ended) return;
    Work work = std::move(queue.waiting.extract(queue.waiting.begin()).mapped());
    lock.unlock();
    work();
    work = nullptr;  // what it holds ends here, not under the lock
    lock.lock();
  }
}

}  // namespace data_bridge::runtime
