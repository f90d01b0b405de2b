// Threads that do things after a while, and not in the order in which they were asked to.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace data_bridge::storage::later {

using Clock = std::chrono::steady_clock;

struct Timing {
  /// Each task waits for a time between 0 and this.
  std::chrono::microseconds max_delay{3000};
  std::uint64_t seed = 1;
  std::size_t threads = 3;
};

class Scheduler {
 public:
  using Task = std::move_only_function<void()>;
  enum class Order : std::uint8_t {
    kFree,
    kInTurn,  ///< after all others of this order that were added before, never beside one
  };

  explicit Scheduler(const Timing& timing);
  ~Scheduler() { close(); }
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// `task` runs on a thread of these, at `latest` where its delay is longer. False after close() has begun: it was not
  /// taken.
  [[nodiscard]] bool add(Task task, Order order, Clock::time_point latest = Clock::time_point::max());
  /// For what a task leaves to be done: is taken always.
  void add_from_task(Task task, Clock::time_point latest);
  /// True once in `times`, about.
  [[nodiscard]] bool happens_once_in(unsigned times);

  /// Runs what waits, without delay, and ends the threads.
  void close() noexcept;
  [[nodiscard]] bool is_closing() const noexcept;

  /// Between the two no task runs, and no thread holds the lock but the one that forks.
  void suspend() noexcept;
  void resume() noexcept;
  /// In place of resume(): closed, as there is no thread.
  void forget_in_child() noexcept;

 private:
  struct Entry {
    Clock::time_point due;
    std::uint64_t number = 0;
    Task task;  ///< none: the next that goes in turn
    friend bool operator>(const Entry& left, const Entry& right) noexcept {
      return left.due != right.due ? left.due > right.due : left.number > right.number;
    }
  };

  void work() noexcept;
  void push(Task task, Clock::time_point due);
  [[nodiscard]] Clock::time_point choose_due(Clock::time_point latest);
  [[nodiscard]] Entry pop();
  /// The next task in turn, or none where one of them runs.
  [[nodiscard]] Task take_turn();
  void end_turn();

  const Timing timing_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::mt19937_64 random_;
  std::uint64_t added_ = 0;
  std::vector<Entry> heap_;  // the earliest in front
  std::deque<Task> in_turn_;
  bool turn_is_taken_ = false;
  std::size_t turns_due_ = 0;
  std::size_t busy_ = 0;
  bool is_suspended_ = false;
  bool is_closing_ = false;
  bool is_forgotten_ = false;
  std::unique_lock<std::mutex> held_;  // from suspend() on
  std::vector<std::thread> threads_;
};

}  // namespace data_bridge::storage::later
