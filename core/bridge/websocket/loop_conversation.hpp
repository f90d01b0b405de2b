// A WebSocketConversation whose application runs on a PyLoop.
#pragma once

#include <Python.h>

#include <memory>

#include "bridge/app_context.hpp"
#include "bridge/conversation/websocket_conversation.hpp"
#include "bridge/loop_conversation.hpp"
#include "pyloop/loop.hpp"
#include "pyloop/mailbox.hpp"

namespace data_bridge::bridge {

class LoopWebSocketConversation final : public WebSocketConversation, public pyloop::PythonWork {
 public:
  /// On the connection's thread: the handshake of `exchange`, for the loop of `app`.
  LoopWebSocketConversation(const AppContext& app, http::Exchange& exchange, http::ws::Handshake handshake);

  // --- the loop's thread, with the GIL --------------------------------------------------------------
  void set_reader(ConversationReader* reader) noexcept { reader_ = reader; }

  void run() noexcept override;
  void drop() noexcept override;

 private:
  void wake() noexcept override;

  pyloop::LoopCore* loop_;  // null where the connection lives on another thread, which may outlive it
  std::shared_ptr<pyloop::LoopMailbox> mailbox_;
  std::shared_ptr<WebSocketConversation> queued_;  // keeps this alive between wake() and run()
  ConversationReader* reader_ = nullptr;
};

}  // namespace data_bridge::bridge
