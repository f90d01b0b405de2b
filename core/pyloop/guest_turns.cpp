// The turns of a loop that is a guest: another loop of the same thread waits for it.
#include <algorithm>
#include <chrono>
#include <thread>

#include "pyloop/loop_state.hpp"

namespace data_bridge::pyloop {

namespace {

// So many turns while something is due, before the loop around this one has its own.
constexpr int kTurnsInARow = 8;

}  // namespace

void LoopState::begin_guest() noexcept {
  guest_ = running_ = true;
  runner_.store(std::this_thread::get_id());
  released_at_ = now();
}

void LoopState::end_guest() noexcept {
  guest_ = running_ = sleeping_ = false;
  runner_.store({});
  show_waiting_to_collector();
}

double LoopState::guest_turn() {
  double seconds = 0;
  for (int turns = 0; seconds == 0 && turns < kTurnsInARow; ++turns) {
    sleeping_ = false;
    woken_ = false;
    if (!run_once()) return -1;
    seconds = guest_flush();
  }
  return seconds;
}

double LoopState::guest_flush() {
  reactor_.finish_turn();
  return begin_waiting();
}

// What poll() and run_turn() look at, so that nothing that is due is waited for.
double LoopState::begin_waiting() {
  if (!ready_.empty() || stopping || batch_ != nullptr || work_head_ != nullptr || mailbox_->filled() ||
      watches_.pending() || !signals_.numbers.empty()) {
    return 0;
  }
  sleeping_ = true;
  double seconds = std::chrono::duration<double>(reactor_.begin_waiting()).count();
  if (!timers_.empty()) {
    double time = 0;
    if (!clock(time)) return -1;
    seconds = std::clamp(timers_.next_deadline() - time, 0.0, seconds);
  }
  return seconds;
}

}  // namespace data_bridge::pyloop
