// Wakes the tasks that wait for a request, on their loop.
#include "bridge/loop_conversation.hpp"

#include <utility>

namespace data_bridge::bridge {

LoopConversation::LoopConversation(const AppContext& app, http::Exchange& exchange, Body body)
    : Conversation(exchange, body, is_local(app, exchange)), LoopWaker(app, local()) {}

void LoopConversation::wake() noexcept { queue(shared_from_this()); }

void LoopConversation::told(bool open) noexcept {
  woken();
  if (!open) return;
  tell_reader();
  if (runner_ != nullptr && expired()) std::exchange(runner_, nullptr)->on_expired();
}

}  // namespace data_bridge::bridge
