// How much may wait, and what was turned away: one bound for work that crosses threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace data_bridge::runtime {

/// Counts what waits in a queue, in items and in bytes, against a bound. Whoever puts something in asks enter() first
/// and refuses it where the answer is no; whoever takes it out, or drops it, calls leave() once with the same size.
/// Thread-safe; threads that enter at the same time may exceed the bound by one item each, never more.
class Admission {
 public:
  /// 0: no limit.
  struct Bound {
    std::size_t items = 0;
    std::size_t bytes = 0;
  };

  explicit Admission(Bound bound) noexcept : bound_(bound) {}
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  /// False where the bound is reached; that is counted. What is alone is let in whatever its size.
  [[nodiscard]] bool enter(std::size_t bytes) noexcept {
    const std::size_t items = items_.load(std::memory_order_relaxed);
    const bool full = bound_.items != 0 && items >= bound_.items;
    const bool heavy = bound_.bytes != 0 && items != 0 && bytes_.load(std::memory_order_relaxed) + bytes > bound_.bytes;
    if (full || heavy) {
      refused_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    items_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
    return true;
  }
  void leave(std::size_t bytes) noexcept {
    items_.fetch_sub(1, std::memory_order_relaxed);
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }

  [[nodiscard]] Bound bound() const noexcept { return bound_; }
  [[nodiscard]] std::size_t items() const noexcept { return items_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
  /// How many enter() has turned away.
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

 private:
  const Bound bound_;
  std::atomic<std::size_t> items_{0};
  std::atomic<std::size_t> bytes_{0};
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace data_bridge::runtime
