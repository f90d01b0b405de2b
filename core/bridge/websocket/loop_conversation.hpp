// A WebSocketConversation whose application runs on a PyLoop.
#pragma once

#include "bridge/app_context.hpp"
#include "bridge/conversation/websocket_conversation.hpp"
#include "bridge/loop_conversation.hpp"
#include "bridge/loop_waker.hpp"

namespace data_bridge::bridge {

class LoopWebSocketConversation final : public WebSocketConversation, public LoopWaker {
 public:
  /// On the connection's thread: the handshake of `exchange`, for the loop of `app`.
  LoopWebSocketConversation(const AppContext& app, http::Exchange& exchange, http::ws::Handshake handshake);

  // --- the loop's thread, with the GIL --------------------------------------------------------------
  void set_reader(ConversationReader* reader) noexcept { reader_ = reader; }

 private:
  void wake() noexcept override;
  void told(bool open) noexcept override;

  ConversationReader* reader_ = nullptr;
};

}  // namespace data_bridge::bridge
