// Reads that take longer than the thread has that asked for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "runtime/blocking_threads.hpp"
#include "storage/store.hpp"

namespace data_bridge::storage::sqlite {

/// Threads of a store's own, on which nobody else waits. Shared by all threads.
class SlowReads {
 public:
  using Read = std::move_only_function<void(ReadJob&)>;
  /// Clients whose queries wait for one of the threads; with more the answer is kOverloaded.
  static constexpr std::size_t kMostWaiting = 1024;

  SlowReads() = default;
  SlowReads(const SlowReads&) = delete;
  SlowReads& operator=(const SlowReads&) = delete;
  ~SlowReads() { close(); }

  /// Has `read(*job)` called, which must finish the job, unless nobody wants it by then: kAbandoned.
  void submit(std::shared_ptr<ReadJob> job, Read read) noexcept;
  /// How many have not begun.
  [[nodiscard]] std::size_t waiting();
  /// What has not begun ends with kClosed, what has is waited for. Later calls answer kClosed.
  void close() noexcept;

 private:
  class Work;
  struct Waiting {
    std::weak_ptr<ReadJob> job;
    runtime::BlockingThreads::Place place;
  };
  using Places = std::map<std::uint64_t, Waiting>;

  void begun(std::uint64_t number) noexcept;
  [[nodiscard]] Places take_unwanted_locked();

  std::mutex mutex_;
  std::unique_ptr<runtime::BlockingThreads> threads_;
  Places waiting_;
  std::uint64_t last_number_ = 0;
  bool closed_ = false;
};

}  // namespace data_bridge::storage::sqlite
