// A few threads for calls that may wait for a disk.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace data_bridge::runtime {

/// Begins a thread where all are busy, up to kMost: a file system that does not answer is not in the way of others.
/// What waits is bounded by who waits: work has a Place, and goes with it.
class BlockingThreads {
  struct Queue;

 public:
  using Work = std::move_only_function<void()>;
  static constexpr std::size_t kMost = 4;

  /// One place in the queue, for as long as somebody wants what is done there: work that has not begun when it ends is
  /// dropped. May outlive the threads.
  class Place {
   public:
    Place() = default;
    Place(Place&&) noexcept = default;
    Place& operator=(Place&& other) noexcept {
      if (this != &other) {
        leave();
        queue_ = std::move(other.queue_);
        number_ = other.number_;
      }
      return *this;
    }
    ~Place() { leave(); }

    void leave() noexcept;

   private:
    friend class BlockingThreads;
    Place(std::shared_ptr<Queue> queue, std::uint64_t number) noexcept : queue_(std::move(queue)), number_(number) {}

    std::shared_ptr<Queue> queue_;
    std::uint64_t number_ = 0;
  };

  BlockingThreads();
  BlockingThreads(const BlockingThreads&) = delete;
  BlockingThreads& operator=(const BlockingThreads&) = delete;
  /// Drops what has not begun, and waits for what has.
  ~BlockingThreads();

  /// Has `work`, which must not throw, run by one of the threads, unless its place ends before. From one thread, its
  /// owner's. Throws where there can be no thread at all.
  [[nodiscard]] Place submit(Work work);
  /// How much has not begun. From any thread.
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Queue {
    std::mutex mutex;  // guards all below
    std::condition_variable changed;
    std::map<std::uint64_t, Work> waiting;  // by number: the first is the oldest
    std::uint64_t last_number = 0;
    std::size_t idle = 0;
    bool ended = false;
  };

  static void run(Queue& queue) noexcept;

  const std::shared_ptr<Queue> queue_;
  std::vector<std::thread> threads_;
};

}  // namespace data_bridge::runtime
