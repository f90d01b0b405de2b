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
#include "http/layer.hpp"
#include "http/limits.hpp"
#include "http/protocol.hpp"
#include "runtime/blocking_threads.hpp"
#include "runtime/buffer_pool.hpp"
#include "runtime/file_descriptor.hpp"
#include "runtime/late_sender.hpp"
#include "runtime/reactor.hpp"
#include "runtime/socket.hpp"
#include "runtime/stream.hpp"

namespace data_bridge::http {

/// Owns the connections of one thread, each as the Protocol that speaks on it, and what they share: the sweep over
/// deadlines, the work at a turn's end, the drain. Belongs to the Reactor's thread but for what says otherwise.
class Connections final : private runtime::TurnHook {
 public:
  /// HTTP/1.1. `handler` must outlive this.
  Connections(runtime::Reactor& reactor, Handler& handler, Options options = {});
  /// Closes what is open; ExchangeListeners are told. Not from within a callback of a connection.
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  [[nodiscard]] runtime::Reactor& reactor() noexcept { return reactor_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }
  /// What stands around every answer on these connections, refused requests included; nullptr: nothing. Before the
  /// first connection.
  void set_layers(std::shared_ptr<const Pipeline> layers) noexcept { layers_ = std::move(layers); }
  [[nodiscard]] const Pipeline* layers() const noexcept { return layers_.get(); }

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

  // --- for protocols ----------------------------------------------------------------------------------------------

  /// Time, as the sweep counts it.
  [[nodiscard]] std::uint32_t tick() const noexcept { return tick_; }
  /// The tick at which a timeout that begins now is over; 0, which is none, for a timeout of 0.
  [[nodiscard]] std::uint32_t deadline_after(std::chrono::milliseconds timeout) const noexcept;
  [[nodiscard]] bool is_due(std::uint32_t deadline) const noexcept {
    return deadline != 0 && static_cast<std::int32_t>(tick_ - deadline) >= 0;
  }
  [[nodiscard]] std::uint64_t sweep_milliseconds() const noexcept {
    return static_cast<std::uint64_t>(options_.limits.sweep_interval.count());
  }
  /// How many connections the slot has had before: ExchangeId::connection.
  [[nodiscard]] std::uint32_t connections_before(std::uint32_t slot) const noexcept {
    return slots_[slot].connections_before;
  }
  /// For what may wait for a disk. Begun at the first call.
  [[nodiscard]] runtime::BlockingThreads& blocking_threads();
  /// For what should not wait for the end of a turn that takes long.
  [[nodiscard]] runtime::LateSender& late_sender() noexcept { return late_sender_; }
  [[nodiscard]] runtime::BufferPool& buffers() noexcept { return buffers_; }

 private:
  friend class ConnectionsMailbox;
  friend class Protocol;

  struct Slot {
    std::unique_ptr<Protocol> protocol;
    std::uint32_t connections_before : 31 = 0;
    std::uint32_t queued : 1 = 0;  // for the end of the turn
    // In ticks; 0: none. Never later than what the protocol waits for, maybe earlier: the sweep reads this array alone,
    // and a request that begins and ends within a deadline does not write here.
    std::uint32_t wake_at = 0;
  };

  void on_turn_end() noexcept override;
  void take(runtime::FileDescriptor fd, const runtime::SocketAddress& peer) noexcept;
  void take(std::unique_ptr<runtime::Stream> stream);
  void reserve_slot();
  void sweep();
  void schedule_drain_tick();
  void schedule_sweep();

  // For Protocol.
  void wake_at(std::uint32_t slot, std::uint32_t tick) noexcept {
    std::uint32_t& earliest = slots_[slot].wake_at;
    if (tick != 0 && (earliest == 0 || static_cast<std::int32_t>(tick - earliest) < 0)) earliest = tick;
  }
  void call_at_turn_end(std::uint32_t slot) noexcept;
  void bury(std::uint32_t slot) noexcept;
  void replace(std::uint32_t slot, std::unique_ptr<Protocol> next);

  runtime::Reactor& reactor_;
  Options options_;
  std::shared_ptr<ConnectionsMailbox> mailbox_;
  std::shared_ptr<const Pipeline> layers_;
  runtime::BufferPool buffers_;
  runtime::LateSender late_sender_;
  std::unique_ptr<ProtocolFactory> accepted_;  // speaks on what is adopted

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::size_t open_ = 0;

  // Worked off at the end of the turn. What ends a connection must not need memory: reserve_slot() sees to that.
  std::vector<std::uint32_t> queued_;
  std::vector<std::unique_ptr<Protocol>> graveyard_;
  std::vector<std::uint32_t> buried_slots_;

  std::unique_ptr<runtime::BlockingThreads> blocking_threads_;

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

inline void Protocol::wake_at(std::uint32_t tick) noexcept { connections_.wake_at(slot_, tick); }
inline void Protocol::call_at_turn_end() noexcept { connections_.call_at_turn_end(slot_); }

}  // namespace data_bridge::http
