// All connections of one Reactor.
#include "http/connections.hpp"

#include <algorithm>
#include <utility>

#include "http/connection.hpp"

namespace data_bridge::http {
namespace {

constexpr std::size_t kMostSpareBuffers = 256;
constexpr std::size_t kLargestSpareBuffer = std::size_t{64} * 1024;
constexpr std::size_t kLongestSpareText = 1024;
constexpr std::size_t kFirstSlots = 64;
// Where a drain does not wait for idle clients it still has to look again at those that are being sent their answer.
constexpr std::chrono::milliseconds kLeastDrainTick{20};

}  // namespace

Connections::Connections(runtime::Reactor& reactor, Handler& handler, Options options)
    : reactor_(reactor),
      handler_(handler),
      options_(std::move(options)),
      mailbox_(std::make_shared<ConnectionsMailbox>(*this, reactor, options_)),
      parser_(options_.limits),
      writer_(options_) {
  options_.limits.sweep_interval = std::max(options_.limits.sweep_interval, std::chrono::milliseconds(1));
  options_.limits.max_read_ahead = std::max<std::size_t>(options_.limits.max_read_ahead, 1);
  spare_buffers_.reserve(kMostSpareBuffers);
}

Connections::~Connections() {
  mailbox_->shut();
  close_all();
  if (sweep_scheduled_) reactor_.cancel(sweep_timer_);
  if (grace_scheduled_) reactor_.cancel(grace_timer_);
  if (drain_tick_scheduled_) reactor_.cancel(drain_tick_);
  reactor_.forget(*this);
  graveyard_.clear();
}

void Connections::adopt(runtime::FileDescriptor fd, const runtime::SocketAddress& peer) {
  mailbox_->enter();
  take(std::move(fd), peer);
}

void Connections::adopt(std::unique_ptr<runtime::Stream> stream) {
  mailbox_->enter();
  try {
    take(std::move(stream));
  } catch (...) {
    mailbox_->leave();
    throw;
  }
}

void Connections::take(runtime::FileDescriptor fd, const runtime::SocketAddress& peer) noexcept {
  try {
    take(std::make_unique<runtime::SocketStream>(reactor_, std::move(fd), peer));
  } catch (...) {
    mailbox_->leave();  // out of memory costs this client, not those who are served
  }
}

void Connections::take(std::unique_ptr<runtime::Stream> stream) {
  reserve_slot();
  const std::uint32_t index = free_slots_.back();
  auto connection = std::make_unique<Connection>(*this, index, std::move(stream));
  if (!connection->open()) return mailbox_->leave();
  schedule_sweep();
  if (draining_) schedule_drain_tick();
  free_slots_.pop_back();
  Slot& slot = slots_[index];
  slot.connection = std::move(connection);
  slot.read_deadline = deadline_after(options_.limits.head_timeout);
  slot.write_deadline = 0;
  slot.idle_since = tick_;
  ++open_;
}

// Each list holds a connection once, and those that run at the turn's end once more, for the next.
void Connections::reserve_slot() {
  if (!free_slots_.empty()) return;
  if (slots_.size() == slots_.capacity()) {
    const std::size_t most = std::max(kFirstSlots, 2 * slots_.size());
    free_slots_.reserve(most);
    graveyard_.reserve(most);
    to_resume_.reserve(2 * most);
    to_flush_.reserve(2 * most);
    slots_.reserve(most);
  }
  slots_.emplace_back();
  free_slots_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
}

Exchange* Connections::find(ExchangeId id) noexcept {
  if (id.slot >= slots_.size()) return nullptr;
  const Slot& slot = slots_[id.slot];
  if (slot.generation != id.generation || !slot.connection) return nullptr;
  PooledExchange* const exchange = slot.connection->exchange_;
  return exchange != nullptr && !exchange->answered_ ? exchange : nullptr;
}

void Connections::close_connection(ExchangeId id) noexcept {
  if (id.slot >= slots_.size()) return;
  const Slot& slot = slots_[id.slot];
  if (slot.connections_before == id.connection && slot.connection) slot.connection->close_soon();
}

void Connections::drain(std::chrono::milliseconds grace, runtime::Task done) {
  draining_ = true;
  drained_ = std::move(done);
  idle_due_ = true;
  schedule_drain_tick();
  if (!grace_scheduled_) {
    grace_scheduled_ = true;
    grace_timer_ = reactor_.schedule_at(runtime::Clock::now() + grace, [this] {
      grace_scheduled_ = false;
      close_all();
    });
  }
  reactor_.at_turn_end(*this);
}

void Connections::schedule_drain_tick() {
  if (std::exchange(drain_tick_scheduled_, true)) return;
  const auto interval = std::max(options_.limits.drain_timeout, kLeastDrainTick);
  drain_tick_ = reactor_.schedule_at(runtime::Clock::now() + interval, [this] {
    drain_tick_scheduled_ = false;
    if (mailbox_->load() == 0) return;
    idle_due_ = true;
    reactor_.at_turn_end(*this);
    schedule_drain_tick();
  });
}

void Connections::drain_idle() noexcept {
  constexpr std::uint32_t kJust = 1;  // in ticks; with the one at hand, up to two sweeps
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Connection* const connection = slots_[i].connection.get();
    if (connection == nullptr) continue;
    const bool waited = std::exchange(connection->drain_waited_, true);
    const bool just = options_.limits.drain_timeout.count() > 0 && tick_ - slots_[i].idle_since <= kJust;
    connection->end_idle(waited || !just);
  }
}

void Connections::close_all() noexcept {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (Connection* const connection = slots_[i].connection.get(); connection != nullptr) connection->peer_gone();
  }
}

// Answers given outside of a connection's own events go on here: first parsing what waits behind them, then one
// send(2) for each connection.
void Connections::on_turn_end() noexcept {
  if (std::exchange(idle_due_, false)) drain_idle();
  // By index over what there is now: both lists may grow meanwhile, for the next turn.
  const std::size_t resumed = to_resume_.size();
  for (std::size_t i = 0; i < resumed; ++i) {
    if (Connection* const connection = to_resume_[i]; connection != nullptr) connection->resume_later();
  }
  to_resume_.erase(to_resume_.begin(), to_resume_.begin() + static_cast<std::ptrdiff_t>(resumed));
  const std::size_t flushed = to_flush_.size();
  for (std::size_t i = 0; i < flushed; ++i) {
    if (Connection* const connection = to_flush_[i]; connection != nullptr) {
      connection->flush_queued_ = false;
      connection->flush();
    }
  }
  to_flush_.erase(to_flush_.begin(), to_flush_.begin() + static_cast<std::ptrdiff_t>(flushed));
  for (const auto& connection : graveyard_) free_slots_.push_back(connection->slot_);
  graveyard_.clear();
  if (draining_ && mailbox_->load() == 0 && drained_) {
    if (std::exchange(grace_scheduled_, false)) reactor_.cancel(grace_timer_);
    runtime::Task done = std::exchange(drained_, nullptr);
    done();
  }
}

void Connections::queue_flush(Connection& connection) noexcept {
  if (connection.flush_queued_) return;
  to_flush_.push_back(&connection);
  connection.flush_queued_ = true;
  reactor_.at_turn_end(*this);
}

void Connections::queue_resume(Connection& connection) noexcept {
  if (connection.resume_queued_) return;
  to_resume_.push_back(&connection);
  connection.resume_queued_ = true;
  reactor_.at_turn_end(*this);
}

void Connections::bury(std::uint32_t index) noexcept {
  Slot& slot = slots_[index];
  Connection* const connection = slot.connection.get();
  if (connection->flush_queued_) std::ranges::replace(to_flush_, connection, nullptr);
  if (connection->resume_queued_) std::ranges::replace(to_resume_, connection, nullptr);
  graveyard_.push_back(std::move(slot.connection));
  ++slot.connections_before;
  ++slot.generation;
  slot.read_deadline = slot.write_deadline = 0;
  --open_;
  mailbox_->leave();
  reactor_.at_turn_end(*this);
}

std::uint32_t Connections::deadline_after(std::chrono::milliseconds timeout) const noexcept {
  if (timeout.count() <= 0) return 0;
  // One more, since the tick at hand may be almost over: late, never early.
  const auto ticks =
      (timeout + options_.limits.sweep_interval - std::chrono::milliseconds(1)) / options_.limits.sweep_interval;
  return tick_ + static_cast<std::uint32_t>(std::clamp<std::int64_t>(ticks, 0, INT32_MAX)) + 1;
}

void Connections::schedule_sweep() {
  if (std::exchange(sweep_scheduled_, true)) return;
  sweep_timer_ = reactor_.schedule_at(runtime::Clock::now() + options_.limits.sweep_interval, [this] {
    sweep_scheduled_ = false;
    sweep();
  });
}

void Connections::sweep() {
  ++tick_;
  const auto due = [this](std::uint32_t deadline) {
    return deadline != 0 && static_cast<std::int32_t>(tick_ - deadline) >= 0;
  };
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (due(slots_[i].read_deadline)) {
      slots_[i].read_deadline = 0;
      slots_[i].connection->on_read_timeout();
    }
    if (due(slots_[i].write_deadline)) {
      slots_[i].write_deadline = 0;
      slots_[i].connection->on_write_timeout();
    }
  }
  if (open_ > 0) schedule_sweep();
}

Connections::PooledExchange* Connections::acquire_exchange() {
  if (free_exchanges_.empty()) {
    exchanges_.push_back(std::make_unique<PooledExchange>());
    free_exchanges_.reserve(exchanges_.capacity());
    return exchanges_.back().get();
  }
  PooledExchange* const exchange = free_exchanges_.back();
  free_exchanges_.pop_back();
  return exchange;
}

void Connections::release_exchange(PooledExchange* exchange) noexcept {
  if (exchange->body_buffer_.capacity() > 0) give_back(std::exchange(exchange->body_buffer_, runtime::Buffer{}));
  for (std::string* text : {&exchange->request_line_, &exchange->client_host_, &exchange->server_host_}) {
    if (text->capacity() > kLongestSpareText) std::string().swap(*text);
  }
  exchange->head_copy_.reset();
  exchange->kept.reset();
  exchange->listener_ = nullptr;
  exchange->connection_ = nullptr;
  free_exchanges_.push_back(exchange);
}

runtime::Buffer Connections::take_buffer() noexcept {
  if (spare_buffers_.empty()) return {};
  runtime::Buffer buffer = std::move(spare_buffers_.back());
  spare_buffers_.pop_back();
  return buffer;
}

void Connections::give_back(runtime::Buffer buffer) noexcept {
  if (buffer.capacity() == 0 || buffer.capacity() > kLargestSpareBuffer || spare_buffers_.size() >= kMostSpareBuffers) {
    return;
  }
  buffer.clear();
  spare_buffers_.push_back(std::move(buffer));
}

}  // namespace data_bridge::http
