// Body pieces, disconnects and send-buffer state of one exchange, handed to Python's thread.
#include "bridge/body_inbox.hpp"

#include <utility>

namespace data_bridge::bridge {

void BodyInbox::attach(http::Exchange& exchange) {
  exchange_side_ = shared_from_this();
  exchange.set_listener(this);
}

void BodyInbox::detach(http::Exchange& exchange) noexcept {
  // The last owner may be the exchange's side: nothing may be touched after this.
  const auto keep = std::move(exchange_side_);
  if (keep != nullptr) exchange.set_listener(nullptr);
}

void BodyInbox::note_sent(std::size_t bytes) noexcept {
  const std::scoped_lock lock(mutex_);
  in_transit_ += bytes;
}

void BodyInbox::note_written(const http::Exchange& exchange, std::size_t from_afar) noexcept {
  if (from_afar == 0 && exchange.has_room()) return;
  {
    const std::scoped_lock lock(mutex_);
    const bool was_full = in_transit_ > kHighWater;
    in_transit_ -= from_afar;
    if (!exchange.has_room()) write_paused_ = true;
    if (write_paused_ || !was_full || in_transit_ > kHighWater) return;
  }
  wake();
}

void BodyInbox::on_body(http::Exchange& exchange, std::string_view piece, bool last) {
  {
    const std::scoped_lock lock(mutex_);
    if (last_) return;  // a request without a body: its end was known from the head
    pending_.append(piece);
    arrived_ = true;
    last_ = last;
    if (pending_.size() > kHighWater && !last) {
      reading_paused_ = true;
      exchange.pause_body();
    }
  }
  wake();
}

// Not by finish(), which has detached this: the client is gone, or the exchange has answered for itself.
void BodyInbox::on_closed(http::Exchange& /*exchange*/, http::ExchangeEnd /*end*/) noexcept {
  const auto keep = std::move(exchange_side_);
  disconnect();
}

void BodyInbox::disconnect() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    disconnected_ = true;
  }
  wake();
}

void BodyInbox::on_drained(http::Exchange& /*exchange*/) {
  {
    const std::scoped_lock lock(mutex_);
    if (!write_paused_) return;
    write_paused_ = false;
  }
  wake();
}

void BodyInbox::set_whole_body(std::string_view body) {
  pending_.assign(body);
  arrived_ = true;
  last_ = true;
}

BodyInbox::Received BodyInbox::receive(std::string& body, bool& more_body) {
  const std::scoped_lock lock(mutex_);
  if (disconnected_) return Received::kDisconnect;
  if (!arrived_) {
    awaited_ = true;
    return Received::kNothing;
  }
  arrived_ = false;
  body = std::exchange(pending_, std::string());
  more_body = !last_;
  return Received::kBody;
}

bool BodyInbox::disconnected() const noexcept {
  const std::scoped_lock lock(mutex_);
  return disconnected_;
}

bool BodyInbox::write_paused() const noexcept {
  const std::scoped_lock lock(mutex_);
  return (write_paused_ || in_transit_ > kHighWater) && !disconnected_;
}

bool BodyInbox::must_wait_to_write() noexcept {
  const std::scoped_lock lock(mutex_);
  if ((!write_paused_ && in_transit_ <= kHighWater) || disconnected_) return false;
  awaited_ = true;
  return true;
}

bool BodyInbox::take_resume_wish() noexcept {
  const std::scoped_lock lock(mutex_);
  return std::exchange(reading_paused_, false);
}

void BodyInbox::wake() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    if (!awaited_ || queued_ != nullptr) return;
    queued_ = shared_from_this();
  }
  if (loop_ != nullptr) {
    loop_->enqueue(*this);
  } else if (!mailbox_->post(*this)) {
    drop();  // the loop was closed, and with it everyone who could read
  }
}

std::shared_ptr<BodyInbox> BodyInbox::leave_queue() noexcept {
  const std::scoped_lock lock(mutex_);
  return std::move(queued_);
}

void BodyInbox::run() noexcept {
  const std::shared_ptr<BodyInbox> keep = leave_queue();
  if (reader_ != nullptr) reader_->on_inbox();
}

void BodyInbox::drop() noexcept { (void)leave_queue(); }

}  // namespace data_bridge::bridge
