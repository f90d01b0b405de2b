// One client connection: from an exchange's answer to the stream.
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "http/h1/connection.hpp"
#include "http/status.hpp"

namespace data_bridge::http::h1 {
namespace {

// From here on a system call of its own is cheaper than copying the piece.
constexpr std::size_t kDirectSend = std::size_t{64} * 1024;
// The pieces of one turn leave together up to here.
constexpr std::size_t kMostHeld = std::size_t{16} * 1024;

}  // namespace

// --- the answer

void Connection::answer(Exchange& exchange, const AnswerHead& head, std::string_view body) {
  begin_answer(exchange, head);
  if (!body.empty()) append(body);
  answer_written();
}

void Connection::begin_answer(Exchange& exchange, const AnswerHead& head) {
  Transaction& transaction = *transaction_;
  const Version version = exchange.request().version;
  switch (head.body) {
    case BodySize::kNone:
      transaction.framing = BodyFraming::kNone;
      break;
    case BodySize::kKnown:
      transaction.framing = BodyFraming::kLength;
      break;
    case BodySize::kUnknown:
      transaction.framing = version == Version::kHttp11 ? BodyFraming::kChunked : BodyFraming::kUntilClose;
      break;
  }
  // A client that still waits for 100 (Continue) may send its body or not: only closing is unambiguous. And
  // a rest that is too large to be dropped will close the connection, so that is said.
  const bool unread = !transaction.body_done &&
                      (transaction.continue_due || (!transaction.decoder && !may_drop(transaction.remaining)));
  if (head.fields.close || unread || transaction.framing == BodyFraming::kUntilClose || connections().draining()) {
    transaction.keep_alive = false;
  }
  // An answer to HEAD may say how that to GET would be framed (RFC 9112, 6.1).
  const bool says_how = head.to_head && transaction.framing == BodyFraming::kNone && version == Version::kHttp11 &&
                        !is_bodiless(head.status);
  const ResponseHead response{.status = head.status,
                              .framing = transaction.framing,
                              .length = head.length,
                              .length_is_given = head.length_is_given,
                              .keeps_chunked = says_how || transaction.framing == BodyFraming::kChunked,
                              .close = !transaction.keep_alive,
                              .keep_alive_http10 = transaction.keep_alive && version == Version::kHttp10};
  shared_.writer().write_head(output(), response, head.headers, head.fields);
}

void Connection::write(Exchange&, std::string_view piece) {
  const bool chunked = transaction_->framing == BodyFraming::kChunked;
  if (chunked) write_chunk_size(output(), piece.size());
  append(piece);
  if (chunked) output().append("\r\n");
  if (unsent_size() > limits().write_low_water) drain_due_ = true;
}

void Connection::finish(Exchange&, std::span<const Header> trailers) {
  if (transaction_->framing == BodyFraming::kChunked) write_last_chunk(output(), trailers);
  answer_written();
}

void Connection::answer_written() {
  if (!transaction_->body_done) resume_body_deadline();
  if (!processing_) queue_resume();
}

void Connection::abort(Exchange& exchange) noexcept {
  reset_ = exchange.started() && transaction_->framing == BodyFraming::kUntilClose;
  break_off();
}

void Connection::close_after(Exchange&) noexcept { transaction_->keep_alive = false; }

bool Connection::upgrade(Exchange&, const AnswerHead& head, MakeProtocol& make) {
  if (!transaction_->body_done || phase_ != Phase::kOpen) return false;
  shared_.writer().write_head(output(), {.status = head.status, .upgrade = true, .leading = head.leading}, head.headers,
                              head.fields);
  transaction_->upgrade = std::move(make);
  answer_written();
  return true;
}

void Connection::refuse_upgrade(Exchange&, const AnswerHead& head, std::string_view body) {
  transaction_->keep_alive = false;
  shared_.writer().write_refusal(output(), head.status, head.length, head.headers, head.fields);
  if (!body.empty()) append(body);
  answer_written();
}

std::size_t Connection::unsent(const Exchange&) const noexcept { return unsent_size(); }

bool Connection::has_room(const Exchange&) const noexcept { return unsent_size() <= limits().write_high_water; }

// --- the request's body

void Connection::want_body(Exchange&) {
  if (transaction_->continue_due) send_continue();
}

void Connection::pause_body(Exchange&) noexcept { pause_body_deadline(); }

void Connection::resume_body(Exchange&) {
  if (!transaction_->streams) return;
  if (!transaction_->body_done) resume_body_deadline();
  if (!processing_) queue_resume();
}

void Connection::views_dropped(Exchange&) noexcept {
  transaction_->head_copy.reset();
  if (transaction_->buffered.capacity() > 0) connections().buffers().give_back(std::move(transaction_->buffered));
}

// --- the stream

runtime::Buffer& Connection::output() {
  queue_flush();
  return output_buffer();
}

// For what is flushed anyway.
runtime::Buffer& Connection::output_buffer() {
  take_back_held();
  if (output_.capacity() == 0) output_ = connections().buffers().take();
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
  const std::size_t sent = stream().write(std::span(both).subspan(waiting.empty() ? 1 : 0)).count;
  const std::size_t sent_of_waiting = std::min(sent, waiting.size());
  out.consume(sent_of_waiting);
  out.append(piece.substr(sent - sent_of_waiting));
}

void Connection::send_continue() {
  transaction_->continue_due = false;
  output().append("HTTP/1.1 100 Continue\r\n\r\n");
}

void Connection::queue_flush() noexcept {
  if (flush_due_) return;
  flush_due_ = true;
  if (!ending_turn_) call_at_turn_end();
}

void Connection::queue_resume() noexcept {
  resume_due_ = true;
  call_at_turn_end();
}

// Answers given outside of a connection's own events go on here: first parsing what waits behind them, then one write.
void Connection::on_turn_end() noexcept {
  if (resume_due_) {
    resume_due_ = false;
    ending_turn_ = true;
    resume_later();
    ending_turn_ = false;
  }
  if (flush_due_) {
    flush_due_ = false;
    flush();
  }
  sent_in_turn_ = false;
}

// The stream takes no more for now; `some`: it has taken something.
void Connection::note_progress(bool some) noexcept {
  if (some || !blocked_) wake_at(write_deadline_ = deadline_after(limits().send_timeout));
  blocked_ = true;
}

// False where the connection is gone.
bool Connection::write_output() noexcept {
  const std::string_view bytes = output_.view();
  const auto [status, count] = stream().write({&bytes, 1});
  if (status == runtime::Stream::Status::kBroken) {
    cut_off();
    return false;
  }
  output_.consume(count);
  if (!output_.empty()) {
    note_progress(count > 0);
  } else {
    write_deadline_ = 0;
    blocked_ = false;
    connections().buffers().give_back(std::move(output_));
  }
  return true;
}

// The first that leaves in a turn leaves at once, which is all there is for most. More of them are a stream whose
// pieces are there already: these leave together, at the end of the turn, unless that is long in coming.
void Connection::flush_soon() noexcept {
  if (!sent_in_turn_ || !hold()) flush();
  sent_in_turn_ = true;
}

bool Connection::hold() noexcept {
  if (phase_ != Phase::kOpen || blocked_ || output_.empty() || output_.size() >= kMostHeld || stream().socket() < 0) {
    return false;
  }
  try {
    if (held_ == nullptr) {
      held_ = std::make_unique<runtime::LateSender::Held>(connections().late_sender(), stream().socket());
    }
    held_->put(output_);
  } catch (...) {
    return false;
  }
  return true;
}

void Connection::take_back_held() noexcept {
  if (held_ != nullptr && held_->size() > 0) held_->take_back(output_);
}

std::size_t Connection::unsent_size() const noexcept { return output_.size() + (held_ == nullptr ? 0 : held_->size()); }

void Connection::flush() noexcept {
  if (phase_ == Phase::kClosed) return;
  take_back_held();
  held_.reset();
  if (!output_.empty() && !write_output()) return;
  if (output_.empty() && sends_file() && !send_file()) return;
  if (drain_due_ && output_.size() <= limits().write_low_water) {
    drain_due_ = false;
    tell_drained();
    if (phase_ == Phase::kClosed) return;
  }
  if (phase_ != Phase::kOpen && output_.empty()) {
    if (phase_ == Phase::kFlushing) return finish_close();
    if (phase_ == Phase::kUpgrading) return switch_protocol();
  }
  if (!input_.empty() && transaction_ == nullptr && !stalled()) queue_resume();
  update_interest();
}

void Connection::tell_drained() noexcept {
  if (transaction_ == nullptr) return;
  try {
    transaction_->tell_drained();
  } catch (...) {
    transaction_->abort();
  }
}

void Connection::update_interest() noexcept {
  std::uint32_t wanted = 0;
  switch (phase_) {
    case Phase::kOpen:
      if (reads_on()) wanted |= EPOLLIN;
      break;
    case Phase::kLingering:
      wanted |= EPOLLIN;
      break;
    case Phase::kFlushing:
    case Phase::kUpgrading:
      break;
    case Phase::kClosed:
      return;
  }
  if (blocked_) wanted |= EPOLLOUT;
  if (!stream().set_interest(wanted)) cut_off();
}

}  // namespace data_bridge::http::h1
