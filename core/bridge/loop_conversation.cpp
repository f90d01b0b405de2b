// Wakes the tasks that wait for a request, on their loop.
#include "bridge/loop_conversation.hpp"

#include <utility>

namespace data_bridge::bridge {

LoopConversation::LoopConversation(const AppContext& app, http::Exchange& exchange, Body body)
    : Conversation(exchange, body, is_local(app, exchange)),
      loop_(local() ? &app.core : nullptr),
      mailbox_(app.mailbox) {}

void LoopConversation::wake() noexcept {
  queued_ = shared_from_this();
  if (loop_ != nullptr) {
    loop_->enqueue(*this);
  } else if (!mailbox_->post(*this)) {
    drop();  // the loop was closed, and with it everyone who could read
  }
}

void LoopConversation::run() noexcept {
  const auto keep = std::move(queued_);
  woken();
  tell_reader();
  if (runner_ != nullptr && expired()) std::exchange(runner_, nullptr)->on_expired();
}

void LoopConversation::drop() noexcept {
  const auto keep = std::move(queued_);
  woken();
}

}  // namespace data_bridge::bridge
