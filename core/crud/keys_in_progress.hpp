// Which keyed requests this process is working on: none of them twice at a time.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace data_bridge::crud {

/// Shared by all threads. Holds a name for each request that waits, so that the bounds on those are its own.
class KeysInProgress {
 public:
  /// False where somebody has it already.
  [[nodiscard]] bool take(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return names_.insert(name).second;
  }
  void give_back(const std::string& name) noexcept {
    const std::lock_guard lock(mutex_);
    names_.erase(name);
  }

 private:
  std::mutex mutex_;
  std::set<std::string> names_;  // no hash table: clients choose the names
};

}  // namespace data_bridge::crud
