// A connection that speaks WebSocket (RFC 6455): reading, writing, pings.
#include "http/ws/connection.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <utility>

namespace data_bridge::http::ws {

using websocket::CloseCode;
using websocket::Failure;
using websocket::MessageReader;
using websocket::Opcode;

namespace {

// What one read may leave waiting behind a message that nobody takes.
constexpr std::size_t kRead = std::size_t{64} * 1024;
// From here on a system call of its own is cheaper than copying the piece.
constexpr std::size_t kDirectSend = std::size_t{64} * 1024;

std::uint32_t random_number() {
  // What is asked is whether a pong is the answer to this ping, not a secret.
  thread_local std::minstd_rand generator(std::random_device{}());
  return static_cast<std::uint32_t>(generator());
}

std::string_view bytes_of(const std::uint32_t& number) noexcept {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

}  // namespace

Connection::Connection(Place place, std::unique_ptr<runtime::Stream> stream, runtime::Buffer rest,
                       std::shared_ptr<const Options> options,
                       const std::optional<websocket::DeflateParameters>& deflate, std::shared_ptr<Listener> listener)
    : Protocol(place, std::move(stream)),
      options_(std::move(options)),
      listener_(std::move(listener)),
      reader_({.max_size = options_->max_size, .deflate = deflate}),
      deflater_(deflate ? std::make_unique<websocket::Deflater>(*deflate) : nullptr),
      input_(std::move(rest)) {}

Connection::~Connection() {
  tell_closed();
  connections().buffers().give_back(std::move(input_));
  connections().buffers().give_back(std::move(output_));
}

bool Connection::open() noexcept {
  if (!stream().watch(EPOLLIN, *this)) return false;
  set_deadline(ping_deadline_, options_->ping_interval);
  try {
    listener_->on_open(*this);
  } catch (...) {
    return false;
  }
  if (phase_ == Phase::kClosed) return true;
  resume();
  flush();
  return true;
}

// --- reading

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
  const std::span<char> buffer = connections().reactor().receive_buffer();
  const std::uint64_t missing = reads() ? reader_.missing() : buffer.size();
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(missing, buffer.size()));
  const auto [status, count] = stream().read(buffer.first(std::clamp(wanted, kRead, buffer.size())));
  switch (status) {
    case runtime::Stream::Status::kBlocked:
      return;
    case runtime::Stream::Status::kBroken:
      return cut_off();
    case runtime::Stream::Status::kEnded:
      // A client that leaves without a close frame is not there any more (RFC 6455, 7.1.5: 1006).
      input_ended_ = true;
      if (phase_ == Phase::kFlushing && !output_.empty()) return update_interest();
      return cut_off();
    case runtime::Stream::Status::kMoved:
      break;
  }
  if (!reads()) return;
  receive(buffer.first(count));
  update_interest();
}

void Connection::receive(std::span<char> bytes) {
  if (!input_.empty()) {
    input_.append({bytes.data(), bytes.size()});
    return resume();
  }
  const std::size_t used = process(bytes);
  if (used == bytes.size() || !reads()) return;
  if (input_.capacity() == 0) input_ = connections().buffers().take();
  input_.append({bytes.data() + used, bytes.size() - used});
}

void Connection::resume_reading() noexcept {
  if (fails_ || !std::exchange(paused_, false)) return;
  resume();
  update_interest();
}

void Connection::resume() noexcept {
  if (processing_ || !reads() || !takes_more() || input_.empty()) return;
  try {
    input_.consume(process(input_.bytes()));
  } catch (...) {
    processing_ = false;
    return cut_off();
  }
  if (input_.empty() || !reads()) connections().buffers().give_back(std::move(input_));
}

std::size_t Connection::process(std::span<char> bytes) {
  std::span<char> rest = bytes;
  processing_ = true;
  has_told_ = false;
  while (reads() && takes_more()) {
    const MessageReader::Event event = reader_.next(rest);
    if (event == MessageReader::Event::kNone) break;
    handle(event);
  }
  processing_ = false;
  if (has_told_ && reads()) listener_->on_messages_end(*this);
  return bytes.size() - rest.size();
}

void Connection::handle(MessageReader::Event event) {
  switch (event) {
    case MessageReader::Event::kNone:
      return;
    case MessageReader::Event::kMessage:
      if (phase_ == Phase::kClosing) return;  // nobody waits for it behind our close frame
      has_told_ = true;
      paused_ = !listener_->on_message(*this, reader_.kind(), reader_.take_payload());
      return;
    case MessageReader::Event::kPing:
      return append_frame(Opcode::kPong, reader_.payload());
    case MessageReader::Event::kPong:
      return on_pong(reader_.payload());
    case MessageReader::Event::kClose:
      return on_close_frame();
    case MessageReader::Event::kFailed:
      return on_failure();
  }
}

void Connection::on_close_frame() {
  if (phase_ == Phase::kClosing) return begin_close();
  append_frame(Opcode::kClose, reader_.payload());
  begin_close();
  listener_->on_closing(*this, reader_.close(), Cause::kPeer);
}

// --- writing

void Connection::send(Opcode kind, std::string_view payload) {
  if (phase_ != Phase::kOpen) return;
  if (deflater_ == nullptr) {
    append_frame(kind, payload);
  } else {
    std::string compressed;
    deflater_->compress(payload, compressed);
    append_frame(kind, compressed, true);
  }
  if (output_.size() > limits().write_low_water) drain_due_ = true;
}

void Connection::close(std::uint16_t code, std::string_view reason) {
  if (phase_ != Phase::kOpen) return;
  append_frame(Opcode::kClose, websocket::close_payload(code, reason));
  phase_ = Phase::kClosing;
  ping_deadline_ = pong_deadline_ = 0;
  set_deadline(close_deadline_, options_->close_timeout);
  if (fails_) return fail_now();
  // What waits for nobody any more makes way for the client's close frame.
  resume_reading();
}

runtime::Buffer& Connection::output() {
  if (output_.capacity() == 0) output_ = connections().buffers().take();
  if (!flush_due_) {
    flush_due_ = true;
    call_at_turn_end();
  }
  return output_;
}

void Connection::append_frame(Opcode opcode, std::string_view payload, bool compressed) {
  const websocket::FrameHead head(opcode, payload.size(), compressed);
  output().append(head.view());
  append(payload);
}

void Connection::append(std::string_view piece) {
  runtime::Buffer& out = output();
  if (piece.size() < kDirectSend || blocked_) {
    out.append(piece);
    return;
  }
  // An error shows again, and is dealt with, when the rest is flushed.
  const std::array<std::string_view, 2> both{out.view(), piece};
  const std::size_t sent = stream().write(both).count;
  const std::size_t sent_of_waiting = std::min(sent, both[0].size());
  out.consume(sent_of_waiting);
  out.append(piece.substr(sent - sent_of_waiting));
}

void Connection::on_turn_end() noexcept { flush(); }

void Connection::flush() noexcept {
  flush_due_ = false;
  if (phase_ == Phase::kClosed) return;
  if (!output_.empty()) {
    const std::string_view bytes = output_.view();
    const auto [status, count] = stream().write({&bytes, 1});
    if (status == runtime::Stream::Status::kBroken) return cut_off();
    output_.consume(count);
    if (!output_.empty()) {
      if (count > 0 || !blocked_) set_deadline(write_deadline_, limits().send_timeout);
      blocked_ = true;
    } else {
      write_deadline_ = 0;
      blocked_ = false;
      connections().buffers().give_back(std::move(output_));
    }
  }
  if (drain_due_ && output_.size() <= limits().write_low_water) {
    drain_due_ = false;
    try {
      listener_->on_drained(*this);
    } catch (...) {
      return cut_off();
    }
  }
  if (phase_ == Phase::kFlushing && output_.empty()) return finish_close();
  resume();
  update_interest();
}

void Connection::update_interest() noexcept {
  if (phase_ == Phase::kClosed) return;
  std::uint32_t wanted = 0;
  if (phase_ == Phase::kLingering || (reads() && takes_more())) wanted |= EPOLLIN;
  if (blocked_) wanted |= EPOLLOUT;
  if (!stream().set_interest(wanted)) cut_off();
}

// --- pings and other deadlines

void Connection::set_deadline(std::uint32_t& deadline, std::chrono::milliseconds timeout) noexcept {
  deadline = connections().deadline_after(timeout);
  wake_at(deadline);
}

void Connection::send_ping() {
  ping_ = random_number();
  append_frame(Opcode::kPing, bytes_of(ping_));
  // The next one an interval behind this, whenever its pong comes.
  set_deadline(ping_deadline_, options_->ping_interval);
  set_deadline(pong_deadline_, options_->ping_timeout);
}

void Connection::on_pong(std::string_view payload) noexcept {
  if (payload == bytes_of(ping_)) pong_deadline_ = 0;
}

// Where nobody takes what the client sends, its pong may wait in there.
void Connection::on_pong_missing() {
  if (paused_) return set_deadline(pong_deadline_, options_->ping_timeout);
  pong_deadline_ = 0;
  append_frame(Opcode::kClose, websocket::close_payload(CloseCode::kInternalError, "keepalive ping timeout"));
  begin_close();
}

void Connection::on_deadline() noexcept {
  const auto is_due = [this](std::uint32_t deadline) { return connections().is_due(deadline); };
  try {
    if (phase_ == Phase::kOpen && is_due(pong_deadline_)) on_pong_missing();
    if (phase_ == Phase::kOpen && is_due(ping_deadline_)) {
      if (pong_deadline_ == 0 || options_->ping_timeout.count() == 0) {
        send_ping();
      } else {
        ping_deadline_ = 0;  // one at a time: with its pong, or the end
        set_deadline(ping_deadline_, options_->ping_interval);
      }
    }
    if (fails_ && is_due(close_deadline_)) fail_now();
    if (phase_ == Phase::kClosing && is_due(close_deadline_)) begin_close();
    if (phase_ == Phase::kLingering && is_due(close_deadline_)) cut_off();
  } catch (...) {
    return cut_off();
  }
  if (phase_ == Phase::kClosed) return;
  if (is_due(write_deadline_)) return end(runtime::Stream::Closing::kReset);
  for (const std::uint32_t deadline : {ping_deadline_, pong_deadline_, close_deadline_, write_deadline_}) {
    wake_at(deadline);
  }
}

// --- endings

// What came before is answered first (RFC 6455 leaves it open; Autobahn calls it strict), if that does not take long.
void Connection::on_failure() {
  if (phase_ != Phase::kOpen || !listener_->on_failing(*this, has_told_)) return fail();
  fails_ = paused_ = true;
  set_deadline(close_deadline_, options_->close_timeout);
}

void Connection::fail_now() noexcept {
  if (!std::exchange(fails_, false) || !reads()) return;
  try {
    fail();
  } catch (...) {
    cut_off();
  }
}

void Connection::fail() {
  const Failure& failure = reader_.failure();
  const bool open = phase_ == Phase::kOpen;
  if (open) append_frame(Opcode::kClose, websocket::close_payload(failure.code, failure.reason));
  begin_close();
  if (open) listener_->on_closing(*this, {.code = failure.code, .reason = failure.reason}, Cause::kFailed);
}

void Connection::finish() noexcept {
  if (phase_ == Phase::kOpen) begin_close();
}

void Connection::close_soon(std::uint32_t asking) noexcept {
  if (asking == generation() && reads()) begin_close();
}

void Connection::drain() noexcept {
  if (phase_ == Phase::kLingering && std::exchange(drain_waited_, true)) return cut_off();
  if (phase_ == Phase::kClosing) return begin_close();
  if (phase_ != Phase::kOpen) return;
  try {
    append_frame(Opcode::kClose, websocket::close_payload(CloseCode::kServiceRestart, {}));
    begin_close();
    listener_->on_closing(*this, {.code = CloseCode::kServiceRestart, .reason = {}}, Cause::kRestart);
  } catch (...) {
    cut_off();
  }
}

void Connection::begin_close() noexcept {
  phase_ = Phase::kFlushing;
  ping_deadline_ = pong_deadline_ = close_deadline_ = 0;
  if (!flush_due_) {
    flush_due_ = true;
    call_at_turn_end();
  }
}

void Connection::finish_close() noexcept {
  const std::chrono::milliseconds linger = limits().linger_timeout;
  if (input_ended_ || linger.count() <= 0 || !stream().end_output()) return cut_off();
  phase_ = Phase::kLingering;
  set_deadline(close_deadline_, linger);
  tell_closed();
  update_interest();
}

void Connection::cut_off() noexcept { end(runtime::Stream::Closing::kOrderly); }

void Connection::end(runtime::Stream::Closing how) noexcept {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  tell_closed();
  leave(how);
}

// The listener stays until this is destroyed: the call may come from within one of its own.
void Connection::tell_closed() noexcept {
  if (!std::exchange(told_, true)) listener_->on_closed();
}

}  // namespace data_bridge::http::ws
