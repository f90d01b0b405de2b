// Pending timers: a 4-ary heap over stable slots.
#include "runtime/timer_heap.hpp"

#include <algorithm>
#include <utility>

namespace data_bridge::runtime {

TimerId TimerHeap::add(Clock::time_point when, Task task) {
  if (free_.empty()) {
    slots_.emplace_back();
    free_.reserve(slots_.size());  // release() must not allocate
    free_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
  }
  heap_.emplace_back();  // may throw; nothing has changed yet
  const std::uint32_t index = free_.back();
  free_.pop_back();
  Slot& slot = slots_[index];
  slot.task = std::move(task);
  slot.armed = true;
  sift_up(heap_.size() - 1, Node{when, sequence_++, index});
  return {index, slot.generation};
}

bool TimerHeap::cancel(TimerId timer) noexcept {
  if (timer.slot >= slots_.size()) return false;
  Slot& slot = slots_[timer.slot];
  if (!slot.armed || slot.generation != timer.generation) return false;
  if (slot.place != kNowhere) remove_at(slot.place);
  release(timer.slot);
  return true;
}

void TimerHeap::run_due(Clock::time_point now) {
  due_.clear();
  while (!heap_.empty() && heap_.front().when <= now) {
    const std::uint32_t index = heap_.front().slot;
    due_.push_back({index, slots_[index].generation});
    remove_at(0);
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

void TimerHeap::place(std::size_t index, const Node& node) noexcept {
  heap_[index] = node;
  slots_[node.slot].place = static_cast<std::uint32_t>(index);
}

void TimerHeap::sift_up(std::size_t index, Node node) noexcept {
  while (index > 0) {
    const std::size_t parent = (index - 1) / 4;
    if (!before(node, heap_[parent])) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, node);
}

void TimerHeap::sift_down(std::size_t index, Node node) noexcept {
  for (;;) {
    const std::size_t first = index * 4 + 1;
    if (first >= heap_.size()) break;
    std::size_t least = first;
    const std::size_t last = std::min(first + 4, heap_.size());
    for (std::size_t child = first + 1; child < last; ++child) {
      if (before(heap_[child], heap_[least])) least = child;
    }
    if (!before(heap_[least], node)) break;
    place(index, heap_[least]);
    index = least;
  }
  place(index, node);
}

void TimerHeap::remove_at(std::size_t index) noexcept {
  const Node last = heap_.back();
  heap_.pop_back();
  if (index == heap_.size()) return;
  if (index > 0 && before(last, heap_[(index - 1) / 4])) {
    sift_up(index, last);
  } else {
    sift_down(index, last);
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
