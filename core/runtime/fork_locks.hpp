// Mutexes that other threads may hold at the moment in which one forks.
#pragma once

#include <mutex>

namespace data_bridge::runtime {

/// Beside one or two mutexes that any thread holds for a moment, without the GIL and without another lock; to be
/// declared behind all that they guard. fork(2) copies one thread and all locks: one that another thread holds then
/// would be held for ever in the child. So whoever forks takes them first, and both processes let them go
/// (pthread_atfork(3)); `in_child`, where there is one, is called with `owner` by the child before that.
class ForkLocks {
 public:
  using InChild = void (*)(void* owner) noexcept;

  explicit ForkLocks(std::mutex& one, std::mutex* other = nullptr, InChild in_child = nullptr,
                     void* owner = nullptr) noexcept;
  ForkLocks(const ForkLocks&) = delete;
  ForkLocks& operator=(const ForkLocks&) = delete;
  ~ForkLocks();

 private:
  struct List;

  std::mutex& one_;
  std::mutex* other_;
  InChild in_child_;
  void* owner_;
  ForkLocks* before_ = nullptr;
  ForkLocks* behind_ = nullptr;
};

}  // namespace data_bridge::runtime
