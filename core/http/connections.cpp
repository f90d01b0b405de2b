// All connections of one Reactor.
#include "http/connections.hpp"

#include <algorithm>
#include <utility>

#include "http/h1/connection_factory.hpp"

namespace data_bridge::http {
namespace {

constexpr std::size_t kFirstSlots = 64;
constexpr std::uint32_t kNoSlot = UINT32_MAX;
constexpr std::uint32_t kMostConnectionsBefore = UINT32_MAX >> 1U;  // then they are counted anew
// Where a drain does not wait for idle clients it still has to look again at those that are being sent their answer.
constexpr std::chrono::milliseconds kLeastDrainTick{20};

}  // namespace

Connections::Connections(runtime::Reactor& reactor, Handler& handler, Options options)
    : reactor_(reactor),
      options_(std::move(options)),
      mailbox_(std::make_shared<ConnectionsMailbox>(*this, reactor, options_)),
      accepted_(std::make_unique<h1::ConnectionFactory>(handler, options_)) {
  options_.limits.sweep_interval = std::max(options_.limits.sweep_interval, std::chrono::milliseconds(1));
  options_.limits.max_read_ahead = std::max<std::size_t>(options_.limits.max_read_ahead, 1);
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

runtime::BlockingThreads& Connections::blocking_threads() {
  if (blocking_threads_ == nullptr) blocking_threads_ = std::make_unique<runtime::BlockingThreads>();
  return *blocking_threads_;
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
  std::unique_ptr<Protocol> protocol = accepted_->make({.connections = *this, .slot = index}, std::move(stream));
  schedule_sweep();
  if (draining_) schedule_drain_tick();
  free_slots_.pop_back();
  slots_[index].protocol = std::move(protocol);
  ++open_;
  if (!slots_[index].protocol->open()) slots_[index].protocol->cut_off();
}

// Each list holds a connection once, and those that run at the turn's end once more, for the next.
void Connections::reserve_slot() {
  if (!free_slots_.empty()) return;
  if (slots_.size() == slots_.capacity()) {
    const std::size_t most = std::max(kFirstSlots, 2 * slots_.size());
    free_slots_.reserve(most);
    buried_slots_.reserve(most);
    graveyard_.reserve(most);
    queued_.reserve(2 * most);
    slots_.reserve(most);
  }
  slots_.emplace_back();
  free_slots_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
}

Exchange* Connections::find(ExchangeId id) noexcept {
  if (id.slot >= slots_.size()) return nullptr;
  const Slot& slot = slots_[id.slot];
  if (slot.connections_before != id.connection || !slot.protocol) return nullptr;
  return slot.protocol->find(id.generation);
}

void Connections::close_connection(ExchangeId id) noexcept {
  if (id.slot >= slots_.size()) return;
  const Slot& slot = slots_[id.slot];
  if (slot.connections_before == id.connection && slot.protocol) slot.protocol->close_soon(id.generation);
}

void Connections::drain(std::chrono::milliseconds grace, runtime::Task done) {
  draining_ = true;
  drained_ = std::move(done);
  idle_due_ = true;
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
  });
}

void Connections::close_all() noexcept {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (Protocol* const protocol = slots_[i].protocol.get(); protocol != nullptr) protocol->cut_off();
  }
}

void Connections::on_turn_end() noexcept {
  if (std::exchange(idle_due_, false)) {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (Protocol* const protocol = slots_[i].protocol.get(); protocol != nullptr) protocol->drain();
    }
    try {
      // From the look on, not from when it was due: of a turn that took long no client has had anything.
      if (mailbox_->load() != 0) schedule_drain_tick();
    } catch (...) {
      close_all();  // out of memory: nobody can be waited for
    }
  }
  // By index over what there is now: the list may grow meanwhile, for the next turn.
  const std::size_t queued = queued_.size();
  for (std::size_t i = 0; i < queued; ++i) {
    const std::uint32_t slot = queued_[i];
    if (slot == kNoSlot) continue;
    slots_[slot].queued = 0;
    slots_[slot].protocol->on_turn_end();
  }
  queued_.erase(queued_.begin(), queued_.begin() + static_cast<std::ptrdiff_t>(queued));
  free_slots_.insert(free_slots_.end(), buried_slots_.begin(), buried_slots_.end());
  buried_slots_.clear();
  graveyard_.clear();
  if (draining_ && mailbox_->load() == 0 && drained_) {
    if (std::exchange(grace_scheduled_, false)) reactor_.cancel(grace_timer_);
    runtime::Task done = std::exchange(drained_, nullptr);
    done();
  }
}

void Connections::call_at_turn_end(std::uint32_t slot) noexcept {
  if (slots_[slot].queued != 0) return;
  slots_[slot].queued = 1;
  queued_.push_back(slot);
  reactor_.at_turn_end(*this);
}

void Connections::bury(std::uint32_t index) noexcept {
  Slot& slot = slots_[index];
  if (slot.queued != 0) std::ranges::replace(queued_, index, kNoSlot);
  slot.queued = 0;
  graveyard_.push_back(std::move(slot.protocol));
  buried_slots_.push_back(index);
  slot.connections_before = (slot.connections_before + 1U) & kMostConnectionsBefore;
  slot.wake_at = 0;
  --open_;
  mailbox_->leave();
  reactor_.at_turn_end(*this);
}

void Connections::replace(std::uint32_t index, std::unique_ptr<Protocol> next) {
  // One more than the slots: bury() must not need memory.
  graveyard_.reserve(graveyard_.size() + 1 + open_);
  Slot& slot = slots_[index];
  graveyard_.push_back(std::exchange(slot.protocol, std::move(next)));
  slot.wake_at = 0;
  reactor_.at_turn_end(*this);
  if (!slot.protocol->open()) slots_[index].protocol->cut_off();
}

std::uint32_t Connections::deadline_after(std::chrono::milliseconds timeout) const noexcept {
  const std::uint32_t ticks = ticks_of(timeout, options_.limits);
  return ticks == 0 ? 0 : tick_ + ticks;
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
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!is_due(slots_[i].wake_at)) continue;
    slots_[i].wake_at = 0;
    slots_[i].protocol->on_deadline();
  }
  if (open_ > 0) schedule_sweep();
}

}  // namespace data_bridge::http
