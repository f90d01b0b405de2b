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
    const std::uint64_t waiting = waiting_.load(std::memory_order_relaxed);
    const bool full = bound_.items != 0 && items_of(waiting) >= bound_.items;
    const bool heavy = bound_.bytes != 0 && items_of(waiting) != 0 && bytes_of(waiting) + bytes > bound_.bytes;
    if (full || heavy) {
      refused_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    waiting_.fetch_add(kItem + bytes, std::memory_order_relaxed);
    return true;
  }
  /// For several at once: `bytes` of them all.
  void leave(std::size_t bytes, std::size_t items = 1) noexcept {
    waiting_.fetch_sub(items * kItem + bytes, std::memory_order_relaxed);
  }

  [[nodiscard]] Bound bound() const noexcept { return bound_; }
  [[nodiscard]] std::size_t items() const noexcept { return items_of(waiting_.load(std::memory_order_relaxed)); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_of(waiting_.load(std::memory_order_relaxed)); }
  /// How many enter() has turned away.
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

 private:
  // Both counts in one word, for a single step of the cache's line between threads: 16 million items, a terabyte.
  static constexpr unsigned kBytesBits = 40;
  static constexpr std::uint64_t kItem = std::uint64_t{1} << kBytesBits;
  static constexpr std::size_t items_of(std::uint64_t waiting) noexcept { return waiting >> kBytesBits; }
  static constexpr std::size_t bytes_of(std::uint64_t waiting) noexcept { return waiting & (kItem - 1); }

  const Bound bound_;
  alignas(64) std::atomic<std::uint64_t> waiting_{0};
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace data_bridge::runtime
