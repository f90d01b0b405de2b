// A Conversation whose application runs on a PyLoop.
#pragma once

#include "bridge/app_context.hpp"
#include "bridge/conversation/conversation.hpp"
#include "bridge/loop_waker.hpp"

namespace data_bridge::bridge {

/// Told on the loop's thread, with the GIL.
class ConversationReader {
 public:
  /// What was waited for in receive() or send() may have come.
  virtual void on_change() noexcept = 0;

 protected:
  ~ConversationReader() = default;
};
class ConversationRunner {
 public:
  /// The deadline has passed, and with it the exchange. Once.
  virtual void on_expired() noexcept = 0;

 protected:
  ~ConversationRunner() = default;
};

class LoopConversation final : public Conversation, public LoopWaker {
 public:
  /// The exchange's connection lives on the loop's thread.
  [[nodiscard]] static bool is_local(const AppContext& app, const http::Exchange& exchange) noexcept {
    return &exchange.reactor() == &app.core.reactor();
  }

  /// On the connection's thread: the request of `exchange`, for the loop of `app`.
  LoopConversation(const AppContext& app, http::Exchange& exchange, Body body);

  // --- the loop's thread, with the GIL --------------------------------------------------------------
  void set_reader(ConversationReader* reader) noexcept { reader_ = reader; }
  void set_runner(ConversationRunner* runner) noexcept { runner_ = runner; }
  /// Tells the reader, as where the connection has changed something.
  void tell_reader() noexcept {
    if (reader_ != nullptr) reader_->on_change();
  }

 private:
  void wake() noexcept override;
  void told(bool open) noexcept override;

  ConversationReader* reader_ = nullptr;
  ConversationRunner* runner_ = nullptr;
};

}  // namespace data_bridge::bridge
