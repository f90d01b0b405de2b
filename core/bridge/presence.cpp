// A listener that only knows whether the exchange is over.
#include "bridge/presence.hpp"

#include <utility>

namespace data_bridge::bridge {

void Presence::attach(http::Exchange& exchange) {
  exchange_side_ = shared_from_this();
  exchange.set_listener(this);
  exchange.pause_body();
}

void Presence::on_closed(http::Exchange& /*exchange*/, http::ExchangeEnd /*end*/) noexcept {
  const auto keep = std::move(exchange_side_);
  std::shared_ptr<BodyInbox> successor;
  {
    const std::scoped_lock lock(mutex_);
    gone_ = true;
    successor = std::move(successor_);
  }
  if (successor != nullptr) successor->disconnect();
}

bool Presence::gone() const noexcept {
  const std::scoped_lock lock(mutex_);
  return gone_;
}

void Presence::hand_over_to(std::shared_ptr<BodyInbox> inbox, const Reply& reply) {
  {
    const std::scoped_lock lock(mutex_);
    if (!gone_) successor_ = inbox;
  }
  if (gone()) {
    inbox->disconnect();
    return;
  }
  // Where the exchange ends before this is run, on_closed() tells the inbox.
  reply.perform([self = shared_from_this(), inbox = std::move(inbox)](http::Exchange& exchange) {
    const auto keep = std::move(self->exchange_side_);
    {
      const std::scoped_lock lock(self->mutex_);
      self->successor_.reset();
    }
    inbox->attach(exchange);
  });
}

}  // namespace data_bridge::bridge
