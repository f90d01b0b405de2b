// Pending timers: a heap of deadlines over stable slots.
#include "runtime/timer_heap.hpp"

#include <utility>

namespace data_bridge::runtime {

TimerId TimerHeap::add(Clock::time_point when, Task task) {
  if (free_.empty()) {
    slots_.emplace_back();
    free_.reserve(slots_.size());  // release() must not allocate
    free_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
  }
  const std::uint32_t index = free_.back();
  heap_.push(when, index);  // may throw; nothing has changed yet
  free_.pop_back();
  Slot& slot = slots_[index];
  slot.task = std::move(task);
  slot.armed = true;
  return {index, slot.generation};
}

bool TimerHeap::cancel(TimerId timer) noexcept {
  if (timer.slot >= slots_.size()) return false;
  Slot& slot = slots_[timer.slot];
  if (!slot.armed || slot.generation != timer.generation) return false;
  if (slot.place != kNowhere) heap_.remove(slot.place);
  release(timer.slot);
  return true;
}

void TimerHeap::run_due(Clock::time_point now) {
  due_.clear();
  while (!heap_.empty() && heap_.next_deadline() <= now) {
    const std::uint32_t index = heap_.top();
    due_.push_back({index, slots_[index].generation});
    heap_.pop();
    slots_[index].place = kNowhere;
  }
  for (std::size_t i = 0; i < due_.size(); ++i) {
    const TimerId timer = due_[i];
    Slot& slot = slots_[timer.slot];
    if (!slot.armed || slot.generation != timer.generation) continue;  // cancelled by an earlier one
    Task task = std::move(slot.task);
    release(timer.slot);
    task();
  }
}

void TimerHeap::release(std::uint32_t index) noexcept {
  Slot& slot = slots_[index];
  slot.task = nullptr;
  slot.place = kNowhere;
  slot.armed = false;
  ++slot.generation;
  free_.push_back(index);
}

}  // namespace data_bridge::runtime
