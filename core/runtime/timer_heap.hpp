// Pending timers: a 4-ary heap over stable slots.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/reactor.hpp"

namespace data_bridge::runtime {

/// Timers in order of their deadline, and of their creation where deadlines are equal.
///
/// Four children per node: half the depth of a binary heap, and one cache line holds a node's children.
/// A slot knows its place in the heap, so that cancel() removes at once instead of leaving a tombstone.
class TimerHeap {
 public:
  TimerId add(Clock::time_point when, Task task);
  /// True where the timer was pending: it will not run.
  bool cancel(TimerId timer) noexcept;
  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  /// The earliest deadline; undefined where empty().
  [[nodiscard]] Clock::time_point earliest() const noexcept { return heap_.front().when; }
  /// Runs what is due at `now`. A timer that a task adds waits for the next call, however early its deadline,
  /// so that a task which re-arms itself cannot keep the loop from its I/O.
  void run_due(Clock::time_point now);

 private:
  static constexpr std::uint32_t kNowhere = UINT32_MAX;

  struct Node {
    Clock::time_point when;
    std::uint64_t sequence;
    std::uint32_t slot;
  };
  struct Slot {
    Task task;
    std::uint32_t place = kNowhere;  // index in heap_
    std::uint32_t generation = 0;
    bool armed = false;
  };

  static bool before(const Node& a, const Node& b) noexcept {
    return a.when != b.when ? a.when < b.when : a.sequence < b.sequence;
  }
  void place(std::size_t index, const Node& node) noexcept;
  void sift_up(std::size_t index, Node node) noexcept;
  void sift_down(std::size_t index, Node node) noexcept;
  void remove_at(std::size_t index) noexcept;
  void release(std::uint32_t slot) noexcept;

  std::vector<Node> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<TimerId> due_;
  std::uint64_t sequence_ = 0;
};

}  // namespace data_bridge::runtime
