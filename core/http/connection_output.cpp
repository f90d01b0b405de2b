// One client connection: writing, refusing, ending.
#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "http/connection.hpp"
#include "http/status.hpp"

namespace data_bridge::http {
namespace {

// From here on a system call of its own is cheaper than copying the piece.
constexpr std::size_t kDirectSend = std::size_t{64} * 1024;
// Against a peer that trickles bytes into a lingering connection for ever.
constexpr int kLongestLinger = 6;  // times Limits::linger_timeout

}  // namespace

runtime::Buffer& Connection::output() {
  if (output_.capacity() == 0) output_ = owner_.take_buffer();
  owner_.queue_flush(*this);
  return output_;
}

void Connection::append(std::string_view piece) {
  runtime::Buffer& out = output();
  if (piece.size() < kDirectSend || blocked_) {
    out.append(piece);
    return;
  }
  const std::string_view waiting = out.view();
  // An error shows again, and is dealt with, when the rest is flushed.
  const std::array<std::string_view, 2> both{waiting, piece};
  const std::size_t sent = stream_->write(std::span(both).subspan(waiting.empty() ? 1 : 0)).count;
  const std::size_t sent_of_waiting = std::min(sent, waiting.size());
  out.consume(sent_of_waiting);
  out.append(piece.substr(sent - sent_of_waiting));
}

void Connection::send_continue() {
  exchange_->continue_due_ = false;
  output().append("HTTP/1.1 100 Continue\r\n\r\n");
}

void Connection::flush() noexcept {
  if (phase_ == Phase::kClosed) return;
  if (!output_.empty()) {
    const std::string_view bytes = output_.view();
    const auto [status, count] = stream_->write({&bytes, 1});
    if (status == runtime::Stream::Status::kBroken) {
      peer_gone();
      return;
    }
    output_.consume(count);
    Connections::Slot& slot = owner_.slot(slot_);
    if (!output_.empty()) {
      if (count > 0 || !blocked_) slot.write_deadline = owner_.deadline_after(limits().send_timeout);
      blocked_ = true;
    } else {
      slot.write_deadline = 0;
      blocked_ = false;
      owner_.give_back(std::move(output_));
    }
  }
  if (drain_due_ && output_.size() <= limits().write_low_water) {
    drain_due_ = false;
    if (exchange_ != nullptr && !exchange_->answered_ && exchange_->listener_ != nullptr) {
      try {
        exchange_->listener_->on_drained(*exchange_);
      } catch (...) {
        exchange_->abort();
      }
      if (phase_ == Phase::kClosed) return;
    }
  }
  if (phase_ == Phase::kFlushing && output_.empty()) {
    finish_close();
    return;
  }
  if (!input_.empty() && exchange_ == nullptr && !stalled()) owner_.queue_resume(*this);
  update_interest();
}

// Told by the exchange that its answer is written, or will never be.
void Connection::answered(bool complete) noexcept {
  Connections::PooledExchange& exchange = *exchange_;
  exchange.answered_ = true;
  ++owner_.slot(slot_).generation;
  if (owner_.observer_ != nullptr && exchange.status_ != 0) {
    const std::string_view line = exchange.request_line_;
    const bool kept = !line.empty();
    const Answered answered{
        .method = kept ? line.substr(0, exchange.method_size_) : exchange.request_.method,
        .target = kept ? line.substr(exchange.method_size_) : exchange.request_.target,
        .version = exchange.request_.version,
        .client_host = exchange.client_host(),
        .client_port = exchange.client_port(),
        .status = exchange.status_,
        .body_size = exchange.body_sent_,
        .duration = runtime::Clock::now() - exchange.begun_,
        .complete = complete,
    };
    owner_.observer_->on_answered(answered);
  }
  if (ExchangeListener* const listener = std::exchange(exchange.listener_, nullptr)) {
    listener->on_closed(exchange, complete ? ExchangeEnd::kAnswered : ExchangeEnd::kBroken);
  }
}

void Connection::end_exchange() {
  // Not what a drain decided since: an answer that did not say so must not be the last.
  const bool keep_alive = exchange_->keep_alive_;
  const bool unread = !exchange_->body_done_;
  owner_.release_exchange(exchange_);
  exchange_ = nullptr;
  if (keep_alive) {
    set_read_deadline(limits().idle_timeout);
    owner_.slot(slot_).idle_since = owner_.tick_;
    drain_waited_ = false;
  } else {
    begin_close(unread);
  }
}

// An answer of the server's own, the last of this connection.
void Connection::refuse(int status) {
  if (exchange_ != nullptr && !exchange_->answered_) answered(false);
  if (owner_.options_.refusals != nullptr) owner_.options_.refusals->on_refused(status);
  const std::string_view text = status == 400 ? std::string_view("Invalid HTTP request received.")
                                              : reason_phrase(status, owner_.options_.legacy_reason_phrases);
  const std::string length = std::to_string(text.size());
  const std::array<Header, 3> headers{
      {{"content-type", "text/plain; charset=utf-8"}, {"content-length", length}, {"allow", ""}}};
  // RFC 9110, 15.5.6: a 405 says what is allowed, even if it is nothing.
  const auto sent = std::span(headers).first(status == 405 ? 3 : 2);
  const ResponseHead head{
      .status = status, .framing = BodyFraming::kLength, .length = text.size(), .length_is_given = true, .close = true};
  owner_.writer_.write_head(output(), head, sent, ResponseFields(sent));
  output().append(text);
  begin_close(true);
}

// The body broke off, broke its framing or its limit, while a handler may already be at work.
void Connection::fail_body(int status) {
  Connections::PooledExchange& exchange = *exchange_;
  if (exchange.answered_) {
    begin_close(true);
    return;
  }
  if (exchange.started_) {
    abort();
  } else {
    refuse(status);
  }
}

void Connection::begin_close(bool linger) {
  phase_ = Phase::kFlushing;
  linger_ = linger_ || linger;
  clear_read_deadline();
  owner_.queue_flush(*this);
}

// The application has failed behind its answer, as transport.close() in uvicorn's run_asgi().
void Connection::close_soon() noexcept {
  if (phase_ != Phase::kOpen) return;
  if (exchange_ != nullptr && !exchange_->answered_) {
    abort();
    return;
  }
  try {
    begin_close(exchange_ != nullptr && !exchange_->body_done_);
  } catch (...) {
    close();  // without memory to queue the flush
  }
}

void Connection::finish_close() noexcept {
  // Closing a socket with bytes that nobody read resets the connection, and with it the answer on its way.
  if (!linger_ && !input_ended_) linger_ = stream_->has_unread();
  const bool lingers = linger_ && !input_ended_ && limits().linger_timeout.count() > 0;
  if (!lingers || !stream_->end_output()) {
    close();
    return;
  }
  phase_ = Phase::kLingering;
  linger_end_ = owner_.deadline_after(limits().linger_timeout * kLongestLinger);
  set_read_deadline(limits().linger_timeout);
  update_interest();
}

// An answer that will not be completed: what was written leaves, and the client must be able to tell.
void Connection::abort() noexcept {
  if (phase_ == Phase::kClosed) return;
  if (exchange_ != nullptr && !exchange_->answered_) {
    reset_ = exchange_->started_ && exchange_->framing_ == BodyFraming::kUntilClose;
    answered(false);
  }
  drain_due_ = false;
  flush();
  close();
}

void Connection::peer_gone() noexcept {
  if (phase_ == Phase::kClosed) return;
  if (exchange_ != nullptr && !exchange_->answered_) answered(false);
  close();
}

void Connection::close() noexcept {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  stream_->close(reset_ ? runtime::Stream::Closing::kReset : runtime::Stream::Closing::kOrderly);
  owner_.bury(slot_);
}

// A connection that nothing of a request has reached, not even in the kernel, closes; with `now` false it only looks.
void Connection::end_idle(bool now) noexcept {
  const auto is_idle = [this] { return phase_ == Phase::kOpen && exchange_ == nullptr && input_.empty(); };
  if (!is_idle()) return;
  const std::uint32_t served = requests_;
  try {
    on_readable();
  } catch (...) {
    processing_ = false;
    peer_gone();
  }
  // A client that is still being sent its answer has not had the time to ask again.
  if (now && is_idle() && requests_ == served && output_.empty()) close();
}

void Connection::on_read_timeout() noexcept {
  try {
    if (phase_ != Phase::kOpen) {
      peer_gone();
    } else if (exchange_ != nullptr) {
      fail_body(408);
    } else if (head_begun_) {
      refuse(408);
    } else if (input_.empty() && output_.empty()) {
      end_idle(true);
    } else {
      set_read_deadline(limits().idle_timeout);  // it is still being answered: send_timeout watches over that
    }
  } catch (...) {
    peer_gone();
  }
}

void Connection::on_write_timeout() noexcept {
  reset_ = true;  // what it did not read is not worth the kernel's memory either
  peer_gone();
}

}  // namespace data_bridge::http
