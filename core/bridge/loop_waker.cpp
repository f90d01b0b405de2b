// Wakes the tasks that wait for a connection, on their loop.
#include "bridge/loop_waker.hpp"

#include <utility>

namespace data_bridge::bridge {

void LoopWaker::queue(std::shared_ptr<void> self) noexcept {
  queued_ = std::move(self);
  if (loop_ != nullptr) {
    loop_->enqueue(*this);
  } else if (!mailbox_->post(*this)) {
    drop();
  }
}

void LoopWaker::run() noexcept {
  const auto keep = std::move(queued_);
  told(true);
}

void LoopWaker::drop() noexcept {
  const auto keep = std::move(queued_);
  told(false);
}

}  // namespace data_bridge::bridge
