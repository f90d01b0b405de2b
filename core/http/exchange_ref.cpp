// Reaching an exchange, wherever its connection lives and whether or not it still does.
#include "http/exchange_ref.hpp"

#include "http/connections.hpp"

namespace data_bridge::http {

ConnectionsMailbox::ConnectionsMailbox(Connections& connections, runtime::Reactor& reactor, const Options& options)
    : connections_(&connections),
      most_(options.limits.max_connections),
      count_(options.connection_count != nullptr ? options.connection_count : std::make_shared<ConnectionCount>()),
      reactor_(&reactor) {}

void ConnectionsMailbox::enter() noexcept {
  load_.fetch_add(1, std::memory_order_relaxed);
  count_->fetch_add(1, std::memory_order_relaxed);
}

void ConnectionsMailbox::leave() noexcept {
  load_.fetch_sub(1, std::memory_order_relaxed);
  count_->fetch_sub(1, std::memory_order_relaxed);
}

bool ConnectionsMailbox::post(Action action) {
  return post_task(runtime::Task([self = shared_from_this(), action = std::move(action)]() mutable {
    if (self->connections_ != nullptr) action(*self->connections_);
  }));
}

bool ConnectionsMailbox::post_task(runtime::Task task) {
  // Under the lock: afterwards the Reactor may be gone.
  const std::scoped_lock lock(mutex_);
  if (reactor_ == nullptr) return false;
  reactor_->post(std::move(task));
  return true;
}

void ConnectionsMailbox::hand_over(runtime::FileDescriptor fd, const runtime::SocketAddress& peer) {
  enter();
  try {
    const bool queued =
        post([fd = std::move(fd), peer](Connections& connections) mutable { connections.take(std::move(fd), peer); });
    if (!queued) leave();
  } catch (...) {
    leave();
    throw;
  }
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

void ExchangeRef::close_connection() const {
  if (mailbox_ != nullptr) mailbox_->post([id = id_](Connections& connections) { connections.close_connection(id); });
}

void ExchangeRef::close_connection_here() const noexcept {
  if (mailbox_ != nullptr && mailbox_->connections() != nullptr) mailbox_->connections()->close_connection(id_);
}

}  // namespace data_bridge::http
