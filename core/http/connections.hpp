// All connections of one Reactor.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "http/exchange.hpp"
#include "http/exchange_ref.hpp"
#include "http/handler.hpp"
#include "http/limits.hpp"
#include "http/observer.hpp"
#include "http/parser.hpp"
#include "http/response_writer.hpp"
#include "runtime/buffer.hpp"
#include "runtime/file_descriptor.hpp"
#include "runtime/reactor.hpp"
#include "runtime/socket.hpp"
#include "runtime/stream.hpp"

namespace data_bridge::http {

class Connection;

/// Owns the connections of one thread and what they share: parser, writer, spare buffers and exchanges, the sweep
/// over deadlines. Belongs to the Reactor's thread but for what says otherwise.
class Connections final : private runtime::TurnHook {
 public:
  /// `handler` must outlive this.
  Connections(runtime::Reactor& reactor, Handler& handler, Options options = {});
  /// Closes what is open; ExchangeListeners are told. Not from within a callback of a connection.
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  [[nodiscard]] runtime::Reactor& reactor() noexcept { return reactor_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }
  /// nullptr: none. Before the first connection; must outlive this.
  void set_observer(ExchangeObserver* observer) noexcept { observer_ = observer; }

  /// Serves a connected, non-blocking stream socket.
  void adopt(runtime::FileDescriptor fd, const runtime::SocketAddress& peer);
  /// Serves a connected stream.
  void adopt(std::unique_ptr<runtime::Stream> stream);
  /// For other threads, and for those who may come too late.
  [[nodiscard]] const std::shared_ptr<ConnectionsMailbox>& mailbox() const noexcept { return mailbox_; }
  /// The exchange with this name, where it still waits for its answer; else nullptr.
  [[nodiscard]] Exchange* find(ExchangeId id) noexcept;
  /// See ExchangeRef::close_connection().
  void close_connection(ExchangeId id) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return open_; }

  /// The graceful end: idle connections close, the others after their next answer, which says so; what is
  /// left after `grace` is cut off. `done` runs at the end of the turn in which the last is gone. The caller
  /// has drained its Listeners; what they handed over before that is served.
  ///
  /// No request is lost: a connection counts as idle when nothing of a request is there, not even in the kernel, and a
  /// client that was served within the last two sweeps has its next request on the way, mostly: Limits::drain_timeout.
  void drain(std::chrono::milliseconds grace, runtime::Task done);
  [[nodiscard]] bool draining() const noexcept { return draining_; }
  /// Cuts off every connection; ExchangeListeners are told.
  void close_all() noexcept;

 private:
  friend class Connection;
  friend class ConnectionsMailbox;
  friend class Exchange;

  struct PooledExchange;

  struct Slot {
    std::unique_ptr<Connection> connection;
    std::uint32_t connections_before = 0;
    std::uint32_t generation = 0;
    // In ticks of the sweep; 0: none. Here and not in the connection, so that the sweep reads one array.
    std::uint32_t read_deadline = 0;
    std::uint32_t write_deadline = 0;
    std::uint32_t idle_since = 0;
  };

  void on_turn_end() noexcept override;
  void take(runtime::FileDescriptor fd, const runtime::SocketAddress& peer) noexcept;
  void take(std::unique_ptr<runtime::Stream> stream);
  void reserve_slot();
  void sweep();
  void drain_idle() noexcept;
  void schedule_drain_tick();
  void schedule_sweep();
  /// 0, which is none, for a timeout of 0.
  [[nodiscard]] std::uint32_t deadline_after(std::chrono::milliseconds timeout) const noexcept;
  [[nodiscard]] std::uint64_t sweep_milliseconds() const noexcept {
    return static_cast<std::uint64_t>(options_.limits.sweep_interval.count());
  }

  // For Connection and Exchange.
  [[nodiscard]] Slot& slot(std::uint32_t index) noexcept { return slots_[index]; }
  void queue_flush(Connection& connection) noexcept;
  void queue_resume(Connection& connection) noexcept;
  void bury(std::uint32_t index) noexcept;
  [[nodiscard]] PooledExchange* acquire_exchange();
  void release_exchange(PooledExchange* exchange) noexcept;
  [[nodiscard]] runtime::Buffer take_buffer() noexcept;
  void give_back(runtime::Buffer buffer) noexcept;

  runtime::Reactor& reactor_;
  Handler& handler_;
  Options options_;
  std::shared_ptr<ConnectionsMailbox> mailbox_;
  ExchangeObserver* observer_ = nullptr;
  HeadParser parser_;
  ResponseWriter writer_;

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::size_t open_ = 0;

  // Worked off at the end of the turn. What ends a connection must not need memory: reserve_slot() sees to that.
  std::vector<Connection*> to_resume_;
  std::vector<Connection*> to_flush_;
  std::vector<std::unique_ptr<Connection>> graveyard_;

  std::vector<std::unique_ptr<PooledExchange>> exchanges_;
  std::vector<PooledExchange*> free_exchanges_;
  std::vector<runtime::Buffer> spare_buffers_;

  std::uint32_t tick_ = 1;
  bool sweep_scheduled_ = false;
  runtime::TimerId sweep_timer_;
  bool draining_ = false;
  bool idle_due_ = false;  // a drain looks at idle connections at the end of this turn
  bool drain_tick_scheduled_ = false;
  runtime::TimerId drain_tick_;
  bool grace_scheduled_ = false;
  runtime::TimerId grace_timer_;
  runtime::Task drained_;
};

}  // namespace data_bridge::http
