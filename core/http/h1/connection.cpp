// One client connection: reading, and the way from bytes to the handler.
#include "http/h1/connection.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <span>
#include <utility>

namespace data_bridge::http::h1 {
namespace {

// Less than what one connection may leave waiting behind a slow handler.
constexpr std::size_t kHeadRead = std::size_t{64} * 1024;
// Of a body whose pieces may have to wait, or whose end is not known: what is behind it stays here, too.
constexpr std::size_t kBodyRead = std::size_t{128} * 1024;
// A declared body is trusted with this much memory before its bytes are there.
constexpr std::uint64_t kTrustedLength = std::uint64_t{256} * 1024;

}  // namespace

Connection::Connection(ConnectionFactory& shared, Place place, std::unique_ptr<runtime::Stream> stream) noexcept
    : Protocol(place, std::move(stream)), shared_(shared), phase_tick_(place.connections.tick()) {}

Connection::~Connection() {
  if (transaction_ != nullptr) release_transaction();
  connections().buffers().give_back(std::move(input_));
  connections().buffers().give_back(std::move(output_));
}

bool Connection::open() noexcept {
  set_read_deadline(limits().head_timeout);
  return stream().watch(EPOLLIN, *this);
}

void Connection::on_events(std::uint32_t events) noexcept {
  try {
    if ((events & EPOLLOUT) != 0) flush();
    if (phase_ == Phase::kClosed) return;
    if ((events & EPOLLIN) != 0) {
      on_readable();
    } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
      cut_off();
    }
  } catch (...) {
    // Out of memory costs this connection, not the process.
    processing_ = false;
    cut_off();
  }
}

void Connection::on_readable() {
  const std::span<char> buffer = reactor().receive_buffer();
  const auto [status, count] = stream().read(buffer.first(std::min(buffer.size(), room_to_read())));
  switch (status) {
    case runtime::Stream::Status::kBlocked:
      return;
    case runtime::Stream::Status::kBroken:
      return cut_off();
    case runtime::Stream::Status::kEnded:
      return end_of_input();
    case runtime::Stream::Status::kMoved:
      break;
  }
  if (phase_ == Phase::kLingering) {
    // While it still sends it would lose its answer if a drain cut it off.
    drain_waited_ = drain_waited_ && drain_cuts_;
    set_read_deadline_at(std::min(deadline_after(limits().linger_timeout), phase_tick_));
    return;
  }
  if (phase_ == Phase::kOpen) receive({buffer.data(), count});
  update_interest();
}

std::size_t Connection::room_to_read() const noexcept {
  if (phase_ != Phase::kOpen) return runtime::Reactor::kReceiveSize;  // all of it is dropped
  if (transaction_ == nullptr || transaction_->body_done) return kHeadRead;
  if (transaction_->streams || transaction_->decoder) return kBodyRead;
  return static_cast<std::size_t>(std::min<std::uint64_t>(transaction_->remaining, runtime::Reactor::kReceiveSize) +
                                  kHeadRead);
}

// As asyncio's transports, whose default on end-of-file is to close: nobody is answered who said goodbye.
void Connection::end_of_input() noexcept {
  input_ended_ = true;
  if (phase_ == Phase::kLingering || unsent_size() == 0 || (transaction_ != nullptr && !transaction_->answered())) {
    cut_off();
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
  if (used == bytes.size()) return;
  if (phase_ != Phase::kOpen && phase_ != Phase::kUpgrading) {
    linger_ = true;
    return;
  }
  if (input_.capacity() == 0) input_ = connections().buffers().take();
  input_.append(bytes.substr(used));
}

void Connection::resume_later() noexcept {
  try {
    resume();
  } catch (...) {
    processing_ = false;
    cut_off();
  }
}

void Connection::resume() {
  if (phase_ != Phase::kOpen || processing_) return;
  const std::size_t used = process(input_.view());
  input_.consume(used);
  if (phase_ == Phase::kFlushing && !input_.empty()) linger_ = true;
  if (input_.empty() || (phase_ != Phase::kOpen && phase_ != Phase::kUpgrading))
    connections().buffers().give_back(std::move(input_));
  update_interest();
}

// What waits already is served first, whoever could be served more: a client that sends faster than it is answered
// would else be kept in memory. A head that has begun must get its end (max_head_size bounds it), and a body that is
// being taken does not stay here.
bool Connection::reads_on() const noexcept {
  if (input_.size() < limits().max_read_ahead || head_begun_) return true;
  return transaction_ != nullptr && !stalled();
}

bool Connection::stalled() const noexcept {
  if (transaction_ == nullptr) return output_.size() > limits().write_high_water;
  if (transaction_->answered()) return false;
  return transaction_->body_done || (transaction_->streams && !transaction_->takes_body());
}

// The loop that all progress comes from; nothing that a handler calls enters it again.
std::size_t Connection::process(std::string_view bytes) {
  std::size_t used = 0;
  processing_ = true;
  while (phase_ == Phase::kOpen) {
    const std::string_view rest = bytes.substr(used);
    if (transaction_ == nullptr) {
      if (rest.empty() && requests_ != 0 && limits().idle_timeout.count() == 0) begin_close(false);
      if (rest.empty() || stalled()) break;
      const std::size_t size = begin_request(rest);
      if (size == 0) break;
      used += size;
    } else if (transaction_->answered() && (transaction_->body_done || !transaction_->keep_alive)) {
      end_transaction();
    } else if (stalled()) {
      if (!transaction_->end_due || !transaction_->takes_body()) break;
      transaction_->end_due = false;
      transaction_->deliver({}, true);
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
  HeadParser& parser = shared_.parser();
  switch (parser.parse(bytes, progress_)) {
    case HeadParser::Outcome::kIncomplete:
      if (!head_begun_) set_read_deadline(limits().head_timeout);
      head_begun_ = true;
      return 0;
    case HeadParser::Outcome::kRejected:
      refuse(status_of(parser.error()));
      return bytes.size();
    case HeadParser::Outcome::kComplete:
      break;
  }
  progress_ = {};
  head_begun_ = false;
  read_deadline_ = 0;
  ++requests_;
  const std::size_t head_size = parser.size();
  const Request& head = parser.request();
  const std::uint64_t length = head.content_length.value_or(0);
  const std::string_view after_head = bytes.substr(head_size);
  const bool whole = !head.chunked && length <= after_head.size();
  begin_transaction(head, whole, head.expects_continue && head.has_body() && after_head.empty());
  Transaction& transaction = *transaction_;

  BodyMode mode = BodyMode::kBuffer;
  try {
    mode = shared_.handler().on_head(transaction.request(), transaction.scratch);
  } catch (...) {
    transaction.answer_internal_error();
    return head_size;
  }
  transaction.streams = mode == BodyMode::kStream;
  const std::uint64_t most = transaction.streams ? limits().max_stream_size : limits().max_body_size;
  if (most != 0 && length > most) {
    refuse(413);
    return bytes.size();
  }
  if (!transaction.streams && whole) {
    transaction.set_body(after_head.substr(0, static_cast<std::size_t>(length)));
    transaction.remaining = 0;
    transaction.body_done = true;
    call_handler();
    return head_size + static_cast<std::size_t>(length);
  }
  if (!transaction.streams) {
    transaction.kept = shared_.handler().keep(transaction.scratch);
    transaction.set_head_at(runtime::Clock::now());
  }
  begin_body(after_head);
  return head_size;
}

void Connection::begin_transaction(const Request& head, bool whole, bool waits_for_continue) {
  transaction_ = shared_.acquire();
  Transaction& transaction = *transaction_;
  const ExchangeId id{.slot = slot(), .connection = connections().connections_before(slot()), .generation = requests_};
  transaction.begin(*this, id, head, connections().layers());
  transaction.decoder.reset();
  transaction.remaining = head.content_length.value_or(0);
  transaction.received = transaction.progress_mark = transaction.dropped = 0;
  transaction.ticks_left = 0;
  transaction.body_done = !head.has_body();
  transaction.streams = transaction.end_due = false;
  transaction.continue_due = waits_for_continue;
  transaction.keep_alive = head.keep_alive && (limits().max_requests == 0 || requests_ < limits().max_requests);
  transaction.framing = BodyFraming::kNone;
  if (!whole) {
    // The bytes of the head are gone with this call, and the handler may keep views until on_request().
    transaction.head_copy = std::make_unique<OwnedRequest>(head, std::string_view{});
    transaction.move_request(transaction.head_copy->head());
    if (head.chunked) transaction.decoder.emplace(limits());
  }
}

void Connection::begin_body(std::string_view after_head) {
  if (transaction_->streams) {
    transaction_->end_due = transaction_->body_done;
    call_handler();
    return;
  }
  resume_body_deadline();
  if (transaction_->continue_due) send_continue();
  if (!transaction_->decoder && after_head.size() < transaction_->remaining) {
    if (transaction_->buffered.capacity() == 0) transaction_->buffered = connections().buffers().take();
    // Room to be written into by commit() later; malloc'ed pages cost nothing before they are touched.
    static_cast<void>(
        transaction_->buffered.reserve(static_cast<std::size_t>(std::min(transaction_->remaining, kTrustedLength))));
  }
}

std::size_t Connection::receive_body(std::string_view bytes) {
  Transaction& transaction = *transaction_;
  transaction.continue_due = false;  // it did not wait
  std::string_view input = bytes;
  if (!transaction.decoder) {
    const std::string_view piece =
        input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(transaction.remaining, input.size())));
    input.remove_prefix(piece.size());
    transaction.remaining -= piece.size();
    transaction.body_done = transaction.remaining == 0;
    deliver(piece, transaction.body_done);
  } else {
    std::string_view piece;
    switch (transaction.decoder->decode(input, piece)) {
      case ChunkedDecoder::Outcome::kData:
        deliver(piece, false);
        break;
      case ChunkedDecoder::Outcome::kDone:
        transaction.body_done = true;
        transaction.end_due = transaction.streams;
        break;
      case ChunkedDecoder::Outcome::kRejected:
        fail_body(status_of(transaction.decoder->error()));
        return bytes.size();
      case ChunkedDecoder::Outcome::kNeedMore:
        break;
    }
  }
  const std::size_t taken = bytes.size() - input.size();
  if (phase_ != Phase::kOpen) return taken;
  if (!transaction.body_done) {
    extend_body_deadline();
  } else if (!transaction.answered()) {
    body_complete();
  }
  return taken;
}

void Connection::deliver(std::string_view piece, bool last) {
  Transaction& transaction = *transaction_;
  transaction.received += piece.size();
  if (transaction.answered()) {
    transaction.dropped += piece.size();
    if (!may_drop(transaction.dropped)) begin_close(true);
    return;
  }
  const std::uint64_t most = transaction.streams ? limits().max_stream_size : limits().max_body_size;
  if (most != 0 && transaction.received > most) {
    fail_body(413);
  } else if (transaction.streams) {
    transaction.deliver(piece, last);
  } else {
    transaction.buffered.append(piece);
  }
}

void Connection::body_complete() {
  read_deadline_ = 0;
  if (transaction_->streams) return;
  transaction_->set_body(transaction_->buffered.view());
  call_handler();
  transaction_->kept.reset();
}

void Connection::call_handler() {
  Transaction& transaction = *transaction_;
  try {
    if (!transaction.enter_connection_layers()) shared_.handler().on_request(transaction, transaction.scratch);
  } catch (...) {
    // Handlers answer their own errors; this is one they did not think of.
    if (transaction.started()) {
      transaction.abort();
    } else {
      transaction.answer_internal_error();
    }
  }
  transaction.forget_views();
}

}  // namespace data_bridge::http::h1
