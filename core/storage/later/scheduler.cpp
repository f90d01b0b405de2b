// Threads that do things after a while, and not in the order in which they were asked to.
#include "storage/later/scheduler.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "runtime/thread.hpp"

namespace data_bridge::storage::later {

Scheduler::Scheduler(const Timing& timing) : timing_(timing), random_(timing.seed) {
  for (std::size_t at = 0; at < timing_.threads; ++at) {
    threads_.push_back(runtime::start_thread("later-store", [this] { work(); }));
  }
}

bool Scheduler::add(Task task, Order order, Clock::time_point latest) {
  const std::lock_guard lock(mutex_);
  if (is_closing_) return false;
  const Clock::time_point due = choose_due(latest);
  if (order == Order::kInTurn) {
    in_turn_.push_back(std::move(task));
    push({}, due);
  } else {
    push(std::move(task), due);
  }
  return true;
}

void Scheduler::add_from_task(Task task, Clock::time_point latest) {
  const std::lock_guard lock(mutex_);
  push(std::move(task), choose_due(latest));
}

bool Scheduler::happens_once_in(unsigned times) {
  const std::lock_guard lock(mutex_);
  return random_() % times == 0;
}

Clock::time_point Scheduler::choose_due(Clock::time_point latest) {
  const auto most = static_cast<std::uint64_t>(timing_.max_delay.count());
  return std::min(latest, Clock::now() + std::chrono::microseconds(random_() % (most + 1)));
}

void Scheduler::push(Task task, Clock::time_point due) {
  heap_.push_back({.due = due, .number = ++added_, .task = std::move(task)});
  std::ranges::push_heap(heap_, std::greater<>());
  wake_.notify_one();
}

Scheduler::Entry Scheduler::pop() {
  std::ranges::pop_heap(heap_, std::greater<>());
  Entry entry = std::move(heap_.back());
  heap_.pop_back();
  return entry;
}

Scheduler::Task Scheduler::take_turn() {
  if (turn_is_taken_) {
    ++turns_due_;
    return {};
  }
  turn_is_taken_ = true;
  Task task = std::move(in_turn_.front());
  in_turn_.pop_front();
  return task;
}

void Scheduler::end_turn() {
  turn_is_taken_ = false;
  if (turns_due_ == 0) return;
  --turns_due_;
  push({}, Clock::now());
}

void Scheduler::work() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (is_suspended_ || (heap_.empty() && !is_closing_)) {
      wake_.wait(lock);
      continue;
    }
    if (heap_.empty()) {
      if (busy_ == 0) return;
      wake_.wait(lock);  // what runs may leave more to be done
      continue;
    }
    if (!is_closing_ && heap_.front().due > Clock::now()) {
      const Clock::time_point due = heap_.front().due;  // a copy: who waits looks at it again, and the heap moves
      wake_.wait_until(lock, due);
      continue;
    }
    Task task = pop().task;
    const bool in_turn = !task;
    if (in_turn) task = take_turn();
    if (!heap_.empty()) wake_.notify_one();  // nobody else may have been waiting for what comes next
    if (!task) continue;
    ++busy_;
    lock.unlock();
    task();
    task = {};
    lock.lock();
    --busy_;
    if (in_turn) end_turn();
    if (busy_ == 0) {
      idle_.notify_all();
      if (is_closing_) wake_.notify_all();
    }
  }
}

void Scheduler::close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
    if (is_forgotten_) return;
    wake_.notify_all();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

bool Scheduler::is_closing() const noexcept {
  const std::lock_guard lock(mutex_);
  return is_closing_;
}

void Scheduler::suspend() noexcept {
  std::unique_lock lock(mutex_);
  is_suspended_ = true;
  idle_.wait(lock, [this] { return busy_ == 0; });
  held_ = std::move(lock);
}

void Scheduler::resume() noexcept {
  is_suspended_ = false;
  wake_.notify_all();
  held_.unlock();
}

void Scheduler::forget_in_child() noexcept {
  is_closing_ = true;
  is_forgotten_ = true;
  held_.unlock();
}

}  // namespace data_bridge::storage::later
