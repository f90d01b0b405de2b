// Wakes the tasks that wait for a WebSocket connection, on their loop.
#include "bridge/websocket/loop_conversation.hpp"

#include <utility>

namespace data_bridge::bridge {

LoopWebSocketConversation::LoopWebSocketConversation(const AppContext& app, http::Exchange& exchange,
                                                     http::ws::Handshake handshake)
    : WebSocketConversation(exchange, std::move(handshake), app.websocket, LoopConversation::is_local(app, exchange)),
      LoopWaker(app, local()) {}

void LoopWebSocketConversation::wake() noexcept { queue(shared_from_this()); }

void LoopWebSocketConversation::told(bool open) noexcept {
  woken();
  if (open && reader_ != nullptr) reader_->on_change();
}

}  // namespace data_bridge::bridge
