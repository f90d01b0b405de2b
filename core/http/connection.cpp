// One client connection: reading, and the way from bytes to the handler.
#include "http/connection.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <span>
#include <utility>

namespace data_bridge::http {
namespace {

// Less than what one connection may leave waiting behind a slow handler.
constexpr std::size_t kHeadRead = std::size_t{64} * 1024;
// Of a body whose pieces may have to wait, or whose end is not known: what is behind it stays here, too.
constexpr std::size_t kBodyRead = std::size_t{128} * 1024;
// A declared body is trusted with this much memory before its bytes are there.
constexpr std::uint64_t kTrustedLength = std::uint64_t{256} * 1024;

}  // namespace

Connection::Connection(Connections& owner, std::uint32_t slot, std::unique_ptr<runtime::Stream> stream)
    : owner_(owner), stream_(std::move(stream)), slot_(slot) {}

Connection::~Connection() {
  if (exchange_ != nullptr) owner_.release_exchange(exchange_);
  owner_.give_back(std::move(input_));
  owner_.give_back(std::move(output_));
}

bool Connection::open() { return stream_->watch(EPOLLIN, *this); }

void Connection::on_events(std::uint32_t events) noexcept {
  try {
    if ((events & EPOLLOUT) != 0) flush();
    if (phase_ == Phase::kClosed) return;
    if ((events & EPOLLIN) != 0) {
      on_readable();
    } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
      peer_gone();
    }
  } catch (...) {
    // Out of memory costs this connection, not the process.
    processing_ = false;
    peer_gone();
  }
}

void Connection::on_readable() {
  const std::span<char> buffer = owner_.reactor_.receive_buffer();
  const auto [status, count] = stream_->read(buffer.first(std::min(buffer.size(), room_to_read())));
  switch (status) {
    case runtime::Stream::Status::kBlocked:
      return;
    case runtime::Stream::Status::kBroken:
      return peer_gone();
    case runtime::Stream::Status::kEnded:
      return end_of_input();
    case runtime::Stream::Status::kMoved:
      break;
  }
  if (phase_ == Phase::kLingering) {
    owner_.slot(slot_).read_deadline = std::min(owner_.deadline_after(limits().linger_timeout), linger_end_);
    return;
  }
  if (phase_ == Phase::kOpen) receive({buffer.data(), count});
  update_interest();
}

std::size_t Connection::room_to_read() const noexcept {
  if (phase_ != Phase::kOpen) return runtime::Reactor::kReceiveSize;  // all of it is dropped
  if (exchange_ == nullptr || exchange_->body_done_) return kHeadRead;
  if (exchange_->streams_ || exchange_->decoder_) return kBodyRead;
  return static_cast<std::size_t>(std::min<std::uint64_t>(exchange_->body_remaining_, runtime::Reactor::kReceiveSize) +
                                  kHeadRead);
}

// As asyncio's transports, whose default on end-of-file is to close: nobody is answered who said goodbye.
void Connection::end_of_input() noexcept {
  input_ended_ = true;
  if (phase_ == Phase::kLingering || output_.empty() || (exchange_ != nullptr && !exchange_->answered_)) {
    peer_gone();
    return;
  }
  phase_ = Phase::kFlushing;
  update_interest();
}

void Connection::receive(std::string_view bytes) {
  if (!input_.empty()) {
    input_.append(bytes);
    resume();
    return;
  }
  const std::size_t used = process(bytes);
  if (phase_ != Phase::kOpen || used == bytes.size()) {
    if (used != bytes.size()) linger_ = true;
    return;
  }
  if (input_.capacity() == 0) input_ = owner_.take_buffer();
  input_.append(bytes.substr(used));
}

void Connection::resume_later() noexcept {
  resume_queued_ = false;
  try {
    resume();
  } catch (...) {
    processing_ = false;
    peer_gone();
  }
}

void Connection::resume() {
  if (phase_ != Phase::kOpen || processing_) return;
  const std::size_t used = process(input_.view());
  input_.consume(used);
  if (phase_ == Phase::kFlushing && !input_.empty()) linger_ = true;
  if (input_.empty() || phase_ != Phase::kOpen) owner_.give_back(std::move(input_));
  update_interest();
}

// What waits already is served first, whoever could be served more: a client that sends faster than it is answered
// would else be kept in memory. A head that has begun must get its end (max_head_size bounds it), and a body that is
// being taken does not stay here.
bool Connection::reads_on() const noexcept {
  if (input_.size() < limits().max_read_ahead || head_begun_) return true;
  return exchange_ != nullptr && !stalled();
}

bool Connection::stalled() const noexcept {
  if (exchange_ == nullptr) return output_.size() > limits().write_high_water;
  if (exchange_->answered_) return false;
  return exchange_->body_done_ || (exchange_->streams_ && !exchange_->takes_body());
}

// The loop that all progress comes from; nothing that a handler calls enters it again.
std::size_t Connection::process(std::string_view bytes) {
  std::size_t used = 0;
  processing_ = true;
  while (phase_ == Phase::kOpen) {
    const std::string_view rest = bytes.substr(used);
    if (exchange_ == nullptr) {
      if (rest.empty() && requests_ != 0 && limits().idle_timeout.count() == 0) begin_close(false);
      if (rest.empty() || stalled()) break;
      const std::size_t size = begin_request(rest);
      if (size == 0) break;
      used += size;
    } else if (exchange_->answered_ && (exchange_->body_done_ || !exchange_->keep_alive_)) {
      end_exchange();
    } else if (stalled()) {
      if (!exchange_->end_due_ || !exchange_->takes_body()) break;
      exchange_->end_due_ = false;
      exchange_->listener_->on_body(*exchange_, {}, true);
    } else {
      if (rest.empty()) break;
      used += receive_body(rest);
    }
  }
  processing_ = false;
  return used;
}

// Parses one head and, where its body is here as well, has it answered. 0: the head is incomplete.
std::size_t Connection::begin_request(std::string_view bytes) {
  HeadParser& parser = owner_.parser_;
  switch (parser.parse(bytes, progress_)) {
    case HeadParser::Outcome::kIncomplete:
      if (!std::exchange(head_begun_, true)) set_read_deadline(limits().head_timeout);
      return 0;
    case HeadParser::Outcome::kRejected:
      refuse(status_of(parser.error()));
      return bytes.size();
    case HeadParser::Outcome::kComplete:
      break;
  }
  progress_ = {};
  head_begun_ = false;
  ++requests_;
  const std::size_t head_size = parser.size();
  const Request& head = parser.request();
  const std::uint64_t length = head.content_length.value_or(0);
  const std::string_view after_head = bytes.substr(head_size);
  const bool whole = !head.chunked && length <= after_head.size();

  exchange_ = owner_.acquire_exchange();
  Connections::Slot& slot = owner_.slot(slot_);
  slot.read_deadline = 0;
  Connections::PooledExchange& exchange = *exchange_;
  exchange.connection_ = this;
  exchange.id_ = {slot_, slot.connections_before, ++slot.generation};
  exchange.request_ = head;
  exchange.body_ = {};
  exchange.decoder_.reset();
  exchange.body_remaining_ = length;
  exchange.body_received_ = exchange.progress_mark_ = exchange.drained_ = 0;
  exchange.body_ticks_left_ = 0;
  exchange.body_done_ = !head.has_body();
  exchange.body_paused_ = exchange.streams_ = exchange.end_due_ = false;
  exchange.continue_due_ = head.expects_continue && head.has_body() && after_head.empty();
  exchange.is_head_ = head.method == "HEAD";
  exchange.keep_alive_ = head.keep_alive && (limits().max_requests == 0 || requests_ < limits().max_requests);
  exchange.started_ = exchange.answered_ = exchange.dropping_body_ = false;
  exchange.status_ = 0;
  exchange.body_sent_ = exchange.length_remaining_ = 0;
  exchange.head_at_.reset();
  exchange.client_host_.clear();
  exchange.server_host_.clear();
  if (owner_.observer_ != nullptr) {
    exchange.begun_ = runtime::Clock::now();
    exchange.request_line_.clear();
  }
  if (!whole) {
    // The bytes of the head are gone with this call, and the handler may keep views until on_request().
    exchange.head_copy_ = std::make_unique<OwnedRequest>(head, std::string_view{});
    exchange.request_ = exchange.head_copy_->head();
    if (head.chunked) exchange.decoder_.emplace(limits());
  }

  BodyMode mode = BodyMode::kBuffer;
  try {
    mode = owner_.handler_.on_head(exchange.request_, exchange.scratch);
  } catch (...) {
    exchange.answer_internal_error();
    return head_size;
  }
  exchange.streams_ = mode == BodyMode::kStream;
  const std::uint64_t most = exchange.streams_ ? limits().max_stream_size : limits().max_body_size;
  if (most != 0 && length > most) {
    refuse(413);
    return bytes.size();
  }
  if (!exchange.streams_ && whole) {
    exchange.body_ = after_head.substr(0, static_cast<std::size_t>(length));
    exchange.body_remaining_ = 0;
    exchange.body_done_ = true;
    call_handler();
    return head_size + static_cast<std::size_t>(length);
  }
  if (!exchange.streams_) {
    exchange.kept = owner_.handler_.keep(exchange.scratch);
    exchange.head_at_ = runtime::Clock::now();
  }
  begin_body(after_head);
  return head_size;
}

void Connection::begin_body(std::string_view after_head) {
  if (exchange_->streams_) {
    exchange_->end_due_ = exchange_->body_done_;
    call_handler();
    return;
  }
  resume_body_deadline();
  if (exchange_->continue_due_) send_continue();
  if (!exchange_->decoder_ && after_head.size() < exchange_->body_remaining_) {
    if (exchange_->body_buffer_.capacity() == 0) exchange_->body_buffer_ = owner_.take_buffer();
    // Room to be written into by commit() later; malloc'ed pages cost nothing before they are touched.
    static_cast<void>(exchange_->body_buffer_.reserve(
        static_cast<std::size_t>(std::min(exchange_->body_remaining_, kTrustedLength))));
  }
}

std::size_t Connection::receive_body(std::string_view bytes) {
  Connections::PooledExchange& exchange = *exchange_;
  exchange.continue_due_ = false;  // it did not wait
  std::string_view input = bytes;
  if (!exchange.decoder_) {
    const std::string_view piece =
        input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(exchange.body_remaining_, input.size())));
    input.remove_prefix(piece.size());
    exchange.body_remaining_ -= piece.size();
    exchange.body_done_ = exchange.body_remaining_ == 0;
    deliver(piece, exchange.body_done_);
  } else {
    std::string_view piece;
    switch (exchange.decoder_->decode(input, piece)) {
      case ChunkedDecoder::Outcome::kData:
        deliver(piece, false);
        break;
      case ChunkedDecoder::Outcome::kDone:
        exchange.body_done_ = true;
        exchange.end_due_ = exchange.streams_;
        break;
      case ChunkedDecoder::Outcome::kRejected:
        fail_body(status_of(exchange.decoder_->error()));
        return bytes.size();
      case ChunkedDecoder::Outcome::kNeedMore:
        break;
    }
  }
  if (phase_ != Phase::kOpen || exchange.answered_) return bytes.size() - input.size();
  if (exchange.body_done_) {
    body_complete();
  } else {
    extend_body_deadline();
  }
  return bytes.size() - input.size();
}

void Connection::deliver(std::string_view piece, bool last) {
  Connections::PooledExchange& exchange = *exchange_;
  exchange.body_received_ += piece.size();
  if (exchange.answered_) {
    exchange.drained_ += piece.size();
    if (exchange.drained_ > limits().max_drain_size) begin_close(true);
    return;
  }
  const std::uint64_t most = exchange.streams_ ? limits().max_stream_size : limits().max_body_size;
  if (most != 0 && exchange.body_received_ > most) {
    fail_body(413);
  } else if (exchange.streams_) {
    exchange.listener_->on_body(exchange, piece, last);
  } else {
    exchange.body_buffer_.append(piece);
  }
}

void Connection::body_complete() {
  clear_read_deadline();
  if (exchange_->streams_) return;
  exchange_->body_ = exchange_->body_buffer_.view();
  call_handler();
  exchange_->kept.reset();
}

void Connection::call_handler() {
  Connections::PooledExchange& exchange = *exchange_;
  try {
    owner_.handler_.on_request(exchange, exchange.scratch);
  } catch (...) {
    // Handlers answer their own errors; this is one they did not think of.
    if (exchange.started_) {
      exchange.abort();
    } else {
      exchange.answer_internal_error();
    }
  }
  exchange.forget_views();
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
      break;
    case Phase::kClosed:
      return;
  }
  if (blocked_) wanted |= EPOLLOUT;
  if (!stream_->set_interest(wanted)) peer_gone();
}

void Connection::set_read_deadline(std::chrono::milliseconds timeout) noexcept {
  owner_.slot(slot_).read_deadline = owner_.deadline_after(timeout);
}

void Connection::clear_read_deadline() noexcept { owner_.slot(slot_).read_deadline = 0; }

// The deadline of a body is a budget of time: min_body_rate bytes buy a second, and never more than body_timeout is in
// store. A client may pause, but not be slow for ever; while the handler does not take the body nothing is spent.
void Connection::resume_body_deadline() noexcept {
  Connections::Slot& slot = owner_.slot(slot_);
  if (slot.read_deadline != 0) return;
  const std::uint32_t left = std::exchange(exchange_->body_ticks_left_, 0);
  slot.read_deadline = left != 0 ? owner_.tick_ + left : owner_.deadline_after(limits().body_timeout);
}

void Connection::pause_body_deadline() noexcept {
  Connections::Slot& slot = owner_.slot(slot_);
  if (slot.read_deadline == 0) return;
  exchange_->body_ticks_left_ = std::max(slot.read_deadline - owner_.tick_, 1U);
  slot.read_deadline = 0;
}

void Connection::extend_body_deadline() noexcept {
  Connections::PooledExchange& exchange = *exchange_;
  Connections::Slot& slot = owner_.slot(slot_);
  if (slot.read_deadline == 0) return;
  const std::uint32_t full = owner_.deadline_after(limits().body_timeout);
  if (limits().min_body_rate == 0) {
    slot.read_deadline = full;
    return;
  }
  const std::uint64_t per_tick =
      std::max<std::uint64_t>(limits().min_body_rate * owner_.sweep_milliseconds() / 1000, 1);
  const std::uint64_t received = exchange.body_received_ - exchange.progress_mark_;
  const std::uint64_t ticks = received / per_tick;
  if (ticks == 0) return;
  exchange.progress_mark_ += ticks * per_tick;
  slot.read_deadline =
      ticks >= full - slot.read_deadline ? full : slot.read_deadline + static_cast<std::uint32_t>(ticks);
}

}  // namespace data_bridge::http
