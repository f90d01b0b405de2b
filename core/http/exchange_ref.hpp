// Names for what belongs to another thread: its connections, and one exchange among them.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "http/exchange_id.hpp"
#include "http/limits.hpp"
#include "runtime/file_descriptor.hpp"
#include "runtime/reactor.hpp"
#include "runtime/socket.hpp"

namespace data_bridge::http {

class Connections;
class Exchange;

/// The way to the Connections of one thread. It outlives them and knows when they are gone, so that who comes too late
/// finds a closed door instead of freed memory.
class ConnectionsMailbox : public std::enable_shared_from_this<ConnectionsMailbox> {
 public:
  using Action = std::move_only_function<void(Connections&)>;

  /// For Connections alone; both live until shut().
  ConnectionsMailbox(Connections& connections, runtime::Reactor& reactor, const Options& options);
  ConnectionsMailbox(const ConnectionsMailbox&) = delete;
  ConnectionsMailbox& operator=(const ConnectionsMailbox&) = delete;

  /// Runs `action` on the connections' thread. From any thread. False where they are gone: then it was not queued. What
  /// was queued and finds them gone when its turn comes is dropped.
  bool post(Action action);
  /// The same for a task that looks for them itself, by connections().
  bool post_task(runtime::Task task);
  /// On the connections' thread: null once they are gone.
  [[nodiscard]] Connections* connections() const noexcept { return connections_; }
  /// Serves a connected, non-blocking stream socket; closes it where the connections are gone. From any thread.
  void hand_over(runtime::FileDescriptor fd, const runtime::SocketAddress& peer);
  /// Open connections and those on their way. From any thread.
  [[nodiscard]] std::size_t load() const noexcept { return load_.load(std::memory_order_relaxed); }
  /// No more are taken for now: Limits::max_connections is reached, with those of all that share the count. From any
  /// thread.
  [[nodiscard]] bool full() const noexcept { return most_ != 0 && count_->load(std::memory_order_relaxed) >= most_; }

 private:
  friend class Connections;

  void enter() noexcept;
  void leave() noexcept;
  /// On the connections' thread, which destroys them now.
  void shut() noexcept;

  Connections* connections_;  // of the connections' thread
  const std::size_t most_;
  std::atomic<std::size_t> load_{0};
  const std::shared_ptr<ConnectionCount> count_;
  std::mutex mutex_;
  runtime::Reactor* reactor_;  // under mutex_
};

/// Names one exchange for those who answer later, or from another thread.
class ExchangeRef {
 public:
  ExchangeRef() = default;
  ExchangeRef(std::shared_ptr<ConnectionsMailbox> mailbox, ExchangeId id) noexcept
      : mailbox_(std::move(mailbox)), id_(id) {}

  /// On the exchange's thread: null where it has been answered, or is gone.
  [[nodiscard]] Exchange* find() const noexcept;
  /// Runs `action` on the exchange's thread, unless the exchange is over then. From any thread; false where it is known
  /// to be over already.
  template <typename Action>
    requires std::invocable<Action&, Exchange&>
  bool post(Action action) const& {
    return ExchangeRef(*this).post(std::move(action));
  }
  /// The same, and the end of this name: a count less that goes to and fro between threads.
  template <typename Action>
    requires std::invocable<Action&, Exchange&>
  bool post(Action action) && {
    ConnectionsMailbox* const mailbox = mailbox_.get();
    // One closure for all layers: this is the way of every answer that Python gives from another thread.
    return mailbox != nullptr &&
           mailbox->post_task(runtime::Task([self = std::move(*this), action = std::move(action)]() mutable {
             if (Exchange* const exchange = self.find()) action(*exchange);
           }));
  }
  /// The way to its thread; null without an exchange.
  [[nodiscard]] const std::shared_ptr<ConnectionsMailbox>& mailbox() const noexcept { return mailbox_; }
  /// Closes the connection once what was written has left, whether or not the exchange is over; not where another one
  /// has begun on it since. From any thread.
  void close_connection() const;
  /// The same on the connection's own thread, at once.
  void close_connection_here() const noexcept;

 private:
  std::shared_ptr<ConnectionsMailbox> mailbox_;
  ExchangeId id_;
};

}  // namespace data_bridge::http
