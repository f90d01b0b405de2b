// Wakes the tasks that wait for a WebSocket connection, on their loop.
#include "bridge/websocket/loop_conversation.hpp"

#include <utility>

namespace data_bridge::bridge {

LoopWebSocketConversation::LoopWebSocketConversation(const AppContext& app, http::Exchange& exchange,
                                                     http::ws::Handshake handshake)
    : WebSocketConversation(exchange, std::move(handshake), app.websocket, LoopConversation::is_local(app, exchange)),
      loop_(local() ? &app.core : nullptr),
      mailbox_(app.mailbox) {}

void LoopWebSocketConversation::wake() noexcept {
  queued_ = shared_from_this();
  if (loop_ != nullptr) {
    loop_->enqueue(*this);
  } else if (!mailbox_->post(*this)) {
    drop();  // the loop was closed, and with it everyone who could read
  }
}

void LoopWebSocketConversation::run() noexcept {
  const auto keep = std::move(queued_);
  woken();
  if (reader_ != nullptr) reader_->on_change();
}

void LoopWebSocketConversation::drop() noexcept {
  const auto keep = std::move(queued_);
  woken();
}

}  // namespace data_bridge::bridge
