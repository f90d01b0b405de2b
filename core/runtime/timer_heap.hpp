// Pending timers: a heap of deadlines over stable slots.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/deadline_heap.hpp"
#include "runtime/reactor.hpp"

namespace data_bridge::runtime {

/// Timers in order of their deadline, and of their creation where deadlines are equal.
///
/// A slot knows its place in the heap, so that cancel() removes at once instead of leaving a tombstone.
class TimerHeap {
 public:
  TimerHeap() = default;
  TimerHeap(const TimerHeap&) = delete;  // the heap knows where the slots are
  TimerHeap& operator=(const TimerHeap&) = delete;

  TimerId add(Clock::time_point when, Task task);
  /// True where the timer was pending: it will not run.
  bool cancel(TimerId timer) noexcept;
  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  /// The earliest deadline; undefined where empty().
  [[nodiscard]] Clock::time_point earliest() const noexcept { return heap_.next_deadline(); }
  /// Runs what is due at `now`. A timer that a task adds waits for the next call, however early its deadline,
  /// so that a task which re-arms itself cannot keep the loop from its I/O.
  void run_due(Clock::time_point now);

 private:
  static constexpr std::uint32_t kNowhere = UINT32_MAX;

  struct Slot {
    Task task;
    std::uint32_t place = kNowhere;  // index in heap_
    std::uint32_t generation = 0;
    bool armed = false;
  };

  /// The heap's items are slots.
  struct Placed {
    std::vector<Slot>* slots;
    void operator()(std::uint32_t slot, std::size_t place) const noexcept {
      (*slots)[slot].place = static_cast<std::uint32_t>(place);
    }
  };
  void release(std::uint32_t slot) noexcept;

  std::vector<Slot> slots_;
  DeadlineHeap<Clock::time_point, std::uint32_t, Placed> heap_{Placed{&slots_}};
  std::vector<std::uint32_t> free_;
  std::vector<TimerId> due_;
};

}  // namespace data_bridge::runtime
