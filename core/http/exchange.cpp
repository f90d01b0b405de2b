// One request and its answer, as the code that answers it sees them.
#include "http/exchange.hpp"

#include <array>

#include "http/connection.hpp"
#include "http/connections.hpp"
#include "http/response_writer.hpp"
#include "http/status.hpp"

namespace data_bridge::http {
namespace {

bool is_final_status(int status) noexcept { return status >= 200 && status < 600; }

}  // namespace

std::unique_ptr<OwnedRequest> Exchange::take_request() const { return std::make_unique<OwnedRequest>(request_, body_); }

ExchangeRef Exchange::ref() const { return {connection_->owner_.mailbox_, id_}; }

runtime::Reactor& Exchange::reactor() const noexcept { return connection_->owner_.reactor_; }

std::string_view Exchange::client_host() const noexcept {
  if (client_host_.empty()) client_host_ = client_address().host();
  return client_host_;
}

std::uint16_t Exchange::client_port() const noexcept { return client_address().port; }

const runtime::SocketAddress& Exchange::client_address() const noexcept { return connection_->stream_->peer(); }

const runtime::SocketAddress& Exchange::server_address() const noexcept { return connection_->stream_->local(); }

std::string_view Exchange::server_host() const noexcept {
  if (server_host_.empty()) {
    const runtime::SocketAddress& address = server_address();
    const bool is_unix = address.family == runtime::SocketAddress::Family::kUnix;
    server_host_ = is_unix ? connection_->stream_->local_path() : address.host();
  }
  return server_host_;
}

std::uint16_t Exchange::server_port() const noexcept { return server_address().port; }

void Exchange::respond(int status, std::string_view content_type, std::string_view body) {
  const Header header{"content-type", content_type};
  respond(status, {&header, 1}, body);
}

void Exchange::respond(int status, std::span<const Header> headers, std::string_view body) {
  if (started_ || answered_) return;
  const ResponseFields fields(headers);
  if (!fields.valid || !is_final_status(status)) return answer_internal_error();
  ResponseHead head{.status = status};
  dropping_body_ = is_head_ || is_bodiless(status);
  if (!is_bodiless(status)) {
    head.framing = BodyFraming::kLength;
    head.length = body.size();
    head.length_is_given = fields.content_length && (is_head_ || *fields.content_length == body.size());
  } else if (status == 304 && fields.content_length) {
    head.framing = BodyFraming::kLength;
    head.length_is_given = true;
  }
  begin_answer(head, headers, fields);
  if (!dropping_body_) {
    body_sent_ = body.size();
    connection_->append(body);
  }
  complete();
}

void Exchange::start(int status, std::span<const Header> headers) {
  if (started_ || answered_) return;
  const ResponseFields fields(headers);
  if (!fields.valid || !is_final_status(status)) return answer_internal_error();
  ResponseHead head{.status = status};
  dropping_body_ = is_head_ || is_bodiless(status);
  if (fields.content_length && (!is_bodiless(status) || status == 304)) {
    head.framing = BodyFraming::kLength;
    head.length_is_given = true;
    length_remaining_ = *fields.content_length;
  } else if (!dropping_body_) {
    head.framing = request_.version == Version::kHttp11 ? BodyFraming::kChunked : BodyFraming::kUntilClose;
  }
  if (head.framing == BodyFraming::kUntilClose) keep_alive_ = false;
  begin_answer(head, headers, fields);
}

void Exchange::begin_answer(ResponseHead& head, std::span<const Header> headers, const ResponseFields& fields) {
  // A client that still waits for 100 (Continue) may send its body or not: only closing is unambiguous. And
  // a rest that is too large to be dropped will close the connection, so that is said.
  const bool unread =
      !body_done_ && (continue_due_ || (!decoder_ && body_remaining_ > connection_->limits().max_drain_size));
  if (fields.close || unread || connection_->owner_.draining_) keep_alive_ = false;
  head.close = !keep_alive_;
  head.keep_alive_http10 = keep_alive_ && request_.version == Version::kHttp10;
  framing_ = head.framing;
  status_ = head.status;
  started_ = true;
  connection_->owner_.writer_.write_head(connection_->output(), head, headers, fields);
}

void Exchange::answer_internal_error() {
  close_after();
  respond(500, "text/plain; charset=utf-8", "Internal Server Error");
}

void Exchange::write(std::string_view piece) {
  if (!started_ || answered_ || piece.empty() || dropping_body_) return;
  if (framing_ == BodyFraming::kLength) {
    if (piece.size() > length_remaining_) return abort();
    length_remaining_ -= piece.size();
  }
  body_sent_ += piece.size();
  if (framing_ == BodyFraming::kChunked) write_chunk_size(connection_->output(), piece.size());
  connection_->append(piece);
  if (framing_ == BodyFraming::kChunked) connection_->output().append("\r\n");
  if (connection_->output_.size() > connection_->limits().write_low_water) connection_->drain_due_ = true;
}

void Exchange::finish() {
  if (!started_ || answered_) return;
  if (!dropping_body_) {
    if (framing_ == BodyFraming::kLength && length_remaining_ > 0) return abort();
    if (framing_ == BodyFraming::kChunked) connection_->output().append(kLastChunk);
  }
  complete();
}

void Exchange::flush() noexcept { connection_->flush(); }

void Exchange::complete() {
  connection_->answered(true);
  if (!body_done_) connection_->resume_body_deadline();
  if (!connection_->processing_) connection_->owner_.queue_resume(*connection_);
}

void Exchange::abort() {
  if (!answered_) connection_->abort();
}

void Exchange::close_after() noexcept { keep_alive_ = false; }

std::size_t Exchange::unsent() const noexcept { return connection_->output_.size(); }

bool Exchange::has_room() const noexcept { return unsent() <= connection_->limits().write_high_water; }

void Exchange::set_listener(ExchangeListener* listener) noexcept {
  listener_ = listener;
  if (listener != nullptr) resume_body();
}

void Exchange::want_body() {
  if (continue_due_ && !started_ && !answered_) connection_->send_continue();
}

void Exchange::pause_body() noexcept {
  if (answered_) return;
  body_paused_ = true;
  connection_->pause_body_deadline();
}

void Exchange::resume_body() {
  body_paused_ = false;
  if (answered_ || !streams_) return;
  if (!body_done_) connection_->resume_body_deadline();
  if (!connection_->processing_) connection_->owner_.queue_resume(*connection_);
}

void Exchange::forget_views() {
  if (answered_) return;
  if (connection_->owner_.observer_ != nullptr && request_line_.empty()) {
    method_size_ = request_.method.size();
    request_line_.reserve(method_size_ + request_.target.size());
    request_line_.append(request_.method).append(request_.target);
  }
  request_.method = request_.target = request_.path = request_.query = request_.host = {};
  request_.headers = {};
  body_ = {};
  head_copy_.reset();
  if (body_buffer_.capacity() > 0) connection_->owner_.give_back(std::move(body_buffer_));
}

}  // namespace data_bridge::http
