// ForkLocks: the list of all there are, and the three moments of fork(2).
#include "runtime/fork_locks.hpp"

#include <pthread.h>

#include <cstdlib>

namespace data_bridge::runtime {

/// Never destroyed: threads may fork while the process ends.
struct ForkLocks::List {
  std::mutex mutex;
  ForkLocks* first = nullptr;

  List() noexcept {
    const auto in_child = [] {
      instance().tell_child();
      instance().unlock();
    };
    if (pthread_atfork([] { instance().lock(); }, [] { instance().unlock(); }, in_child) != 0) std::abort();  // ENOMEM
  }

  static List& instance() noexcept {
    static auto& list = *new List;
    return list;
  }

  void lock() noexcept {
    mutex.lock();
    for (const ForkLocks* locks = first; locks != nullptr; locks = locks->behind_) {
      locks->one_.lock();
      if (locks->other_ != nullptr) locks->other_->lock();
    }
  }

  void tell_child() noexcept {
    for (const ForkLocks* locks = first; locks != nullptr; locks = locks->behind_) {
      if (locks->in_child_ != nullptr) locks->in_child_(locks->owner_);
    }
  }

  void unlock() noexcept {
    for (const ForkLocks* locks = first; locks != nullptr; locks = locks->behind_) {
      if (locks->other_ != nullptr) locks->other_->unlock();
      locks->one_.unlock();
    }
    mutex.unlock();
  }
};

ForkLocks::ForkLocks(std::mutex& one, std::mutex* other, InChild in_child, void* owner) noexcept
    : one_(one), other_(other), in_child_(in_child), owner_(owner) {
  List& list = List::instance();
  const std::scoped_lock lock(list.mutex);
  behind_ = list.first;
  if (behind_ != nullptr) behind_->before_ = this;
  list.first = this;
}

ForkLocks::~ForkLocks() {
  List& list = List::instance();
  const std::scoped_lock lock(list.mutex);
  (before_ == nullptr ? list.first : before_->behind_) = behind_;
  if (behind_ != nullptr) behind_->before_ = before_;
}

}  // namespace data_bridge::runtime
