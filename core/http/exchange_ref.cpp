// Reaching an exchange, wherever its connection lives and whether or not it still does.
#include "http/exchange_ref.hpp"

#include "http/connections.hpp"

namespace data_bridge::http {

bool ConnectionsMailbox::post(Action action) {
  // Under the lock: afterwards the Reactor may be gone.
  const std::scoped_lock lock(mutex_);
  if (reactor_ == nullptr) return false;
  reactor_->post([self = shared_from_this(), action = std::move(action)]() mutable {
    if (self->connections_ != nullptr) action(*self->connections_);
  });
  return true;
}

void ConnectionsMailbox::hand_over(runtime::FileDescriptor fd, const runtime::SocketAddress& peer) {
  load_.fetch_add(1, std::memory_order_relaxed);
  const bool queued =
      post([fd = std::move(fd), peer](Connections& connections) mutable { connections.take(std::move(fd), peer); });
  if (!queued) load_.fetch_sub(1, std::memory_order_relaxed);
}

void ConnectionsMailbox::shut() noexcept {
  connections_ = nullptr;
  const std::scoped_lock lock(mutex_);
  reactor_ = nullptr;
}

Exchange* ExchangeRef::find() const noexcept {
  Connections* const connections = mailbox_ != nullptr ? mailbox_->connections() : nullptr;
  return connections != nullptr ? connections->find(id_) : nullptr;
}

bool ExchangeRef::post(Action action) const {
  return mailbox_ != nullptr &&
         mailbox_->post([id = id_, action = std::move(action)](Connections& connections) mutable {
           if (Exchange* const exchange = connections.find(id)) action(*exchange);
         });
}

void ExchangeRef::close_connection() const {
  if (mailbox_ != nullptr) mailbox_->post([id = id_](Connections& connections) { connections.close_connection(id); });
}

void ExchangeRef::close_connection_here() const noexcept {
  if (mailbox_ != nullptr && mailbox_->connections() != nullptr) mailbox_->connections()->close_connection(id_);
}

}  // namespace data_bridge::http
