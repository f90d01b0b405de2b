// One client connection: refusals, deadlines, and the ways it ends.
#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>

#include "http/h1/connection.hpp"
#include "http/passage.hpp"
#include "http/status.hpp"

namespace data_bridge::http::h1 {
namespace {

// Against a peer that trickles bytes into a lingering connection for ever.
constexpr int kLongestLinger = 6;  // times Limits::linger_timeout

}  // namespace

Exchange* Connection::find(std::uint32_t generation) noexcept {
  const bool waits = transaction_ != nullptr && generation == requests_ && !transaction_->answered();
  return waits ? transaction_ : nullptr;
}

void Connection::end_transaction() {
  if (transaction_->upgrade) {
    phase_ = Phase::kUpgrading;
    queue_flush();
    return;
  }
  // Not what a drain decided since: an answer that did not say so must not be the last.
  const bool keep_alive = transaction_->keep_alive;
  const bool unread = !transaction_->body_done;
  release_transaction();
  if (keep_alive) {
    const std::uint32_t idle = shared_.idle_ticks();
    set_read_deadline_at(idle == 0 ? 0 : connections().tick() + idle);
    phase_tick_ = connections().tick();
    drain_waited_ = false;
  } else {
    begin_close(unread);
  }
}

void Connection::release_transaction() noexcept {
  if (transaction_->buffered.capacity() > 0) {
    connections().buffers().give_back(std::exchange(transaction_->buffered, runtime::Buffer{}));
  }
  transaction_->file.reset();
  shared_.release(std::exchange(transaction_, nullptr));
}

// An answer of the server's own, the last of this connection.
void Connection::refuse(int status) {
  if (transaction_ != nullptr) transaction_->end(ExchangeEnd::kBroken);
  const std::string_view text = status == 400 ? std::string_view("Invalid HTTP request received.")
                                              : reason_phrase(status, connections().options().legacy_reason_phrases);
  const std::string length = std::to_string(text.size());
  const std::array<Header, 3> headers{
      {{"content-type", "text/plain; charset=utf-8"}, {"content-length", length}, {"allow", ""}}};
  // RFC 9110, 15.5.6: a 405 says what is allowed, even if it is nothing.
  const auto sent = std::span(headers).first(status == 405 ? 3 : 2);
  const Pipeline* const layers = connections().layers();
  if (layers != nullptr) layers->refused(status);
  if (layers == nullptr || !layers->calls().heads || !refuse_layered(*layers, status, sent, text)) {
    write_refusal(status, sent, text);
  }
  begin_close(true);
}

void Connection::write_refusal(int status, std::span<const Header> headers, std::string_view body) {
  const ResponseFields fields(headers);
  ResponseHead head{.status = status, .close = true};
  if (!is_bodiless(status)) {
    head.framing = BodyFraming::kLength;
    head.length = body.size();
    head.length_is_given = fields.content_length == body.size();
  }
  shared_.writer().write_head(output(), head, headers, fields);
  if (!is_bodiless(status)) output().append(body);
}

// False where a layer has failed, or left what cannot be sent.
bool Connection::refuse_layered(const Pipeline& layers, int status, std::span<const Header> headers,
                                std::string_view body) {
  Passage passage;
  EditableHead head(status, headers, body);
  try {
    passage.join(layers);
    passage.edit(head, true);
    const ResponseFields fields(head.headers());
    if (!is_final(head.status()) || !fields.valid || fields.lengths_differ) return false;
  } catch (...) {
    return false;
  }
  write_refusal(head.status(), head.headers(), *head.body());
  return true;
}

// The body broke off, broke its framing or its limit, while a handler may already be at work.
void Connection::fail_body(int status) {
  if (transaction_->answered()) {
    begin_close(true);
  } else if (transaction_->started()) {
    transaction_->abort();
  } else {
    refuse(status);
  }
}

void Connection::begin_close(bool linger) {
  phase_ = Phase::kFlushing;
  linger_ = linger_ || linger;
  read_deadline_ = 0;
  queue_flush();
}

// The application has failed behind its answer, as transport.close() in uvicorn's run_asgi(). The client may have asked
// again since, and another thread's word of the failure comes later still. What the application has been given is
// answered then, or a client could not tell that it was done, and as if it had come on another connection.
void Connection::close_soon(std::uint32_t asking) noexcept {
  if (asking != requests_ || (phase_ != Phase::kOpen && phase_ != Phase::kUpgrading)) return;
  if (transaction_ != nullptr && !transaction_->answered()) {
    abort(*transaction_);
  } else {
    begin_close(transaction_ != nullptr && !transaction_->body_done);
  }
}

void Connection::finish_close() noexcept {
  // Closing a socket with bytes that nobody read resets the connection, and with it the answer on its way.
  if (!linger_ && !input_ended_) linger_ = stream().has_unread();
  const bool lingers = linger_ && !input_ended_ && limits().linger_timeout.count() > 0;
  if (!lingers || !stream().end_output()) {
    close();
    return;
  }
  phase_ = Phase::kLingering;
  drain_waited_ = false;
  phase_tick_ = deadline_after(limits().linger_timeout * kLongestLinger);
  set_read_deadline(limits().linger_timeout);
  update_interest();
}

// 101 has left: from here on the connection is another's.
void Connection::switch_protocol() noexcept {
  try {
    MakeProtocol make = std::move(transaction_->upgrade);
    const Place place{.connections = connections(), .slot = slot(), .generation = requests_};
    std::unique_ptr<Protocol> next = make(place, take_stream(), std::move(input_));
    if (next == nullptr) return cut_off();
    replace_by(std::move(next));
    phase_ = Phase::kClosed;
  } catch (...) {
    cut_off();
  }
}

// What was written leaves, and nothing follows.
void Connection::break_off() noexcept {
  if (phase_ == Phase::kClosed) return;
  if (transaction_ != nullptr) transaction_->end(ExchangeEnd::kBroken);
  drain_due_ = false;
  flush();
  close();
}

void Connection::cut_off() noexcept {
  if (phase_ == Phase::kClosed) return;
  if (transaction_ != nullptr) transaction_->end(ExchangeEnd::kBroken);
  close();
}

void Connection::close() noexcept {
  phase_ = Phase::kClosed;
  if (held_ != nullptr) {
    take_back_held();
    const std::string_view held = output_.view();
    // It was said to leave soon.
    if (!reset_ && !held.empty()) static_cast<void>(stream().write({&held, 1}));
    held_.reset();
  }
  leave(reset_ ? runtime::Stream::Closing::kReset : runtime::Stream::Closing::kOrderly);
}

// --- drains and deadlines

void Connection::drain() noexcept {
  constexpr std::uint32_t kJust = 1;  // in ticks; with the one at hand, up to two sweeps
  const bool waited = drain_waited_;
  drain_waited_ = true;
  // Its answer has had the time to arrive: a client that is silent and does not close does not hold up a stop.
  if (phase_ == Phase::kLingering && waited) return cut_off();
  // Its answer is there, and what it still sends is nobody's.
  if (phase_ == Phase::kOpen && transaction_ != nullptr && transaction_->answered() && !transaction_->body_done) {
    drain_cuts_ = true;
    return begin_close(true);
  }
  const bool just = limits().drain_timeout.count() > 0 && connections().tick() - phase_tick_ <= kJust;
  end_idle(waited || !just);
}

// A connection that nothing of a request has reached, not even in the kernel, closes; with `now` false it only looks.
void Connection::end_idle(bool now) noexcept {
  const auto is_idle = [this] { return phase_ == Phase::kOpen && transaction_ == nullptr && input_.empty(); };
  if (!is_idle()) return;
  const std::uint32_t served = requests_;
  try {
    on_readable();
  } catch (...) {
    processing_ = false;
    cut_off();
  }
  // A client that is still being sent its answer has not had the time to ask again.
  if (now && is_idle() && requests_ == served && unsent_size() == 0) close();
}

void Connection::on_deadline() noexcept {
  if (connections().is_due(read_deadline_)) {
    read_deadline_ = 0;
    on_read_timeout();
  }
  if (phase_ != Phase::kClosed && connections().is_due(write_deadline_)) {
    reset_ = true;  // what it did not read is not worth the kernel's memory either
    cut_off();
  }
  if (phase_ == Phase::kClosed) return;
  wake_at(read_deadline_);
  wake_at(write_deadline_);
}

void Connection::on_read_timeout() noexcept {
  try {
    if (phase_ != Phase::kOpen) {
      cut_off();
    } else if (transaction_ != nullptr) {
      fail_body(408);
    } else if (head_begun_) {
      refuse(408);
    } else if (input_.empty() && unsent_size() == 0) {
      end_idle(true);
    } else {
      set_read_deadline(limits().idle_timeout);  // it is still being answered: send_timeout watches over that
    }
  } catch (...) {
    cut_off();
  }
}

void Connection::set_read_deadline_at(std::uint32_t tick) noexcept {
  read_deadline_ = tick;
  wake_at(tick);
}

// The deadline of a body is a budget of time: min_body_rate bytes buy a second, and never more than body_timeout is in
// store. A client may pause, but not be slow for ever; while the handler does not take the body nothing is spent.
void Connection::resume_body_deadline() noexcept {
  if (read_deadline_ != 0) return;
  const std::uint32_t left = std::exchange(transaction_->ticks_left, 0);
  set_read_deadline_at(left != 0 ? connections().tick() + left : deadline_after(limits().body_timeout));
}

void Connection::pause_body_deadline() noexcept {
  if (read_deadline_ == 0) return;
  transaction_->ticks_left = std::max(read_deadline_ - connections().tick(), 1U);
  read_deadline_ = 0;
}

void Connection::extend_body_deadline() noexcept {
  if (read_deadline_ == 0) return;
  const std::uint32_t full = deadline_after(limits().body_timeout);
  if (limits().min_body_rate == 0) {
    read_deadline_ = full;
    return;
  }
  const std::uint64_t per_tick =
      std::max<std::uint64_t>(limits().min_body_rate * connections().sweep_milliseconds() / 1000, 1);
  const std::uint64_t ticks = (transaction_->received - transaction_->progress_mark) / per_tick;
  if (ticks == 0) return;
  transaction_->progress_mark += ticks * per_tick;
  read_deadline_ = ticks >= full - read_deadline_ ? full : read_deadline_ + static_cast<std::uint32_t>(ticks);
}

}  // namespace data_bridge::http::h1
