// One WebSocket connection, between the thread that has it and the application's.
#include "bridge/conversation/websocket_conversation.hpp"

#include <algorithm>

#include "bridge/conversation/owned_headers.hpp"
#include "text/characters.hpp"

namespace data_bridge::bridge {

using http::ws::Cause;
using websocket::CloseCode;

namespace {

/// What is the server's to say in a 101 (RFC 6455, 4.2.2; RFC 9110, 8.6).
bool is_own_field(std::string_view name) noexcept {
  for (const std::string_view own : {"connection", "upgrade", "content-length", "transfer-encoding"}) {
    if (text::equals_lower(name, own)) return true;
  }
  return false;
}

}  // namespace

/// A 101 that is on its way: where it never leaves, the conversation hears of it.
class WebSocketConversation::Opening {
 public:
  explicit Opening(std::shared_ptr<WebSocketConversation> conversation) noexcept
      : conversation_(std::move(conversation)) {}
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  ~Opening() {
    if (conversation_ != nullptr) conversation_->on_closed();
  }

  std::unique_ptr<http::Protocol> open(http::Protocol::Place place, std::unique_ptr<runtime::Stream> stream,
                                       runtime::Buffer rest) {
    std::optional<websocket::DeflateParameters> deflate;
    if (const auto& agreement = conversation_->handshake_.deflate) deflate = agreement->parameters;
    auto connection = std::make_unique<http::ws::Connection>(place, std::move(stream), std::move(rest),
                                                             conversation_->options_, deflate, conversation_);
    conversation_.reset();
    return connection;
  }

 private:
  std::shared_ptr<WebSocketConversation> conversation_;
};

WebSocketConversation::WebSocketConversation(http::Exchange& exchange, http::ws::Handshake handshake,
                                             std::shared_ptr<const http::ws::Options> options, bool local)
    : client_(exchange.client_address()),
      server_(exchange.server_address()),
      server_path_(server_.family == runtime::SocketAddress::Family::kUnix ? exchange.server_host()
                                                                           : std::string_view()),
      handshake_(std::move(handshake)),
      options_(std::move(options)),
      local_(local),
      exchange_(exchange.ref()),
      request_(std::make_unique<http::OwnedRequest>(exchange.request(), std::string_view())) {}

// --- the connection's thread ------------------------------------------------------------------------

void WebSocketConversation::begin(http::Exchange& exchange) {
  exchange_side_ = shared_from_this();
  exchange.set_listener(this);
}

void WebSocketConversation::wake_if_due(bool due) noexcept {
  if (due) wake();
}

/// Runs `change` under the lock; where it says so, whoever waits is woken.
template <typename Change>
void WebSocketConversation::update(Change&& change) {
  bool due = false;
  {
    const std::scoped_lock lock(mutex_);
    due = change() && awaited_ && !std::exchange(waking_, true);
  }
  wake_if_due(due);
}

// The client has left before its handshake was answered.
void WebSocketConversation::on_closed(http::Exchange& /*exchange*/, http::ExchangeEnd /*end*/) noexcept {
  const auto keep = std::move(exchange_side_);
  on_closed();
}

void WebSocketConversation::on_closed() noexcept {
  connection_ = nullptr;
  upgrading_ = false;
  unsent_.clear();
  update([this] {
    if (gone_) return false;
    push_locked({.code = accepted_ ? CloseCode::kNoStatus : CloseCode::kAbnormal});
    return gone_ = true;
  });
}

void WebSocketConversation::on_open(http::ws::Connection& connection) {
  connection_ = &connection;
  upgrading_ = false;
  const std::vector<Unsent> unsent = std::exchange(unsent_, {});
  unsent_size_ = 0;
  for (const Unsent& message : unsent) connection.send(message.kind, message.payload);
  if (unsent_close_) connection.close(unsent_close_->code, unsent_close_->reason);
  if (finish_due_) connection.finish();
  if (connection.has_room()) on_drained(connection);
}

bool WebSocketConversation::on_message(http::ws::Connection& /*connection*/, websocket::Opcode kind,
                                       std::string payload) {
  bool room = true;
  update([&] {
    if (state_ == State::kClosed) return false;
    waiting_size_ += payload.size();
    add_locked({.kind = kind == websocket::Opcode::kText ? Event::Kind::kText : Event::Kind::kBinary,
                .text = std::move(payload)});
    room = has_room_locked();
    reading_paused_ = !room;
    return false;
  });
  return room;
}

// A close frame in the same read is known before the application answers: under uvicorn one call reads both.
void WebSocketConversation::on_messages_end(http::ws::Connection& /*connection*/) {
  update([this] {
    published_ = events_.size();
    return true;
  });
}

bool WebSocketConversation::on_failing(http::ws::Connection& connection, bool behind_messages) {
  if (behind_messages) on_messages_end(connection);
  const std::scoped_lock lock(mutex_);
  // Under uvicorn an application that waited has run by then. Here it may be on a thread that has not heard of it yet.
  if (!behind_messages && (local_ || !waking_)) return false;
  const bool taken = next_event_ == events_.size() && receiving_;
  failure_waits_ = !taken && state_ == State::kOpen;
  return failure_waits_;
}

void WebSocketConversation::on_closing(http::ws::Connection& /*connection*/, const websocket::Close& close,
                                       Cause cause) {
  update([&] {
    if (state_ == State::kClosed) return false;
    closing_ = true;
    if (cause == Cause::kFailed) state_ = State::kClosed;
    push_locked(
        {.text = close.reason, .code = close.code, .has_reason = cause != Cause::kRestart, .by_close_frame = true});
    return true;
  });
}

void WebSocketConversation::on_drained(http::ws::Connection& /*connection*/) {
  update([this] { return std::exchange(write_paused_, false); });
}

void WebSocketConversation::note_written(std::size_t from_afar) noexcept {
  const bool room = connection_ != nullptr ? connection_->has_room() : unsent_size_ <= kHighWater;
  update([&] {
    const bool was_full = in_transit_ > kHighWater;
    in_transit_ -= from_afar;
    if (!room) write_paused_ = true;
    return !write_paused_ && was_full && in_transit_ <= kHighWater;
  });
}

void WebSocketConversation::switch_protocol(http::Exchange& exchange, std::span<const http::Header> headers,
                                            std::string_view subprotocol) {
  std::vector<http::Header> all{{"Upgrade", "websocket"}, {"Connection", "Upgrade"}};
  all.push_back({"Sec-WebSocket-Accept", handshake_.accept});
  if (handshake_.deflate) all.push_back({"Sec-WebSocket-Extensions", handshake_.deflate->field});
  const std::size_t leading = all.size();
  for (const http::Header& field : headers) {
    if (!is_own_field(field.name)) all.push_back(field);
  }
  if (!subprotocol.empty()) all.push_back({"Sec-WebSocket-Protocol", subprotocol});

  const auto keep = std::move(exchange_side_);
  exchange.set_listener(nullptr);
  upgrading_ = true;
  auto make = [opening = std::make_shared<Opening>(shared_from_this())](
                  http::Protocol::Place place, std::unique_ptr<runtime::Stream> stream, runtime::Buffer rest) {
    return opening->open(place, std::move(stream), std::move(rest));
  };
  if (exchange.upgrade(all, std::move(make), leading)) {
    if (local_) exchange.flush();
    return;
  }
  // The end was told by the Opening, which has gone with `make`.
  exchange.refuse_upgrade(500, {}, "Internal Server Error");
}

void WebSocketConversation::send_here(websocket::Opcode kind, std::string_view payload) {
  if (connection_ != nullptr) {
    connection_->send(kind, payload);
  } else if (upgrading_) {
    unsent_size_ += payload.size();
    unsent_.push_back({.kind = kind, .payload = std::string(payload)});
  }
}

void WebSocketConversation::close_here(std::uint16_t code, std::string_view reason) {
  if (connection_ != nullptr) {
    connection_->close(code, reason);
  } else if (upgrading_) {
    unsent_close_ = {.code = code, .reason = std::string(reason)};
  }
}

void WebSocketConversation::finish_here() noexcept {
  finish_due_ = true;
  if (connection_ != nullptr) connection_->finish();
}

// On this thread a message leaves before the application goes on, which may take long.
void WebSocketConversation::flush_here() noexcept {
  if (connection_ != nullptr) connection_->flush();
}

// --- the application's thread -----------------------------------------------------------------------

void WebSocketConversation::woken() noexcept {
  const std::scoped_lock lock(mutex_);
  waking_ = told_ = false;
}

/// Runs `action()` on the connection's thread: at once where that is this thread, else by a task that keeps this alive.
template <typename Action>
void WebSocketConversation::perform(Action&& action) {
  if (local_) return std::forward<Action>(action)();
  exchange_.mailbox()->post_task(
      runtime::Task([self = shared_from_this(), action = std::forward<Action>(action)]() mutable { action(); }));
}

bool WebSocketConversation::has_room_locked() const noexcept {
  return events_.size() - next_event_ < std::max<std::size_t>(options_->max_queue, 1) && waiting_size_ <= kHighWater;
}

bool WebSocketConversation::paused_locked() const noexcept {
  return (write_paused_ || in_transit_ > kHighWater) && !gone_ && !closing_;
}

void WebSocketConversation::push_locked(Event event) {
  add_locked(std::move(event));
  published_ = events_.size();
}

void WebSocketConversation::add_locked(Event event) {
  event.awaited = std::exchange(receiving_, false);
  events_.push_back(std::move(event));
}

std::optional<WebSocketConversation::Event> WebSocketConversation::receive() {
  std::optional<Event> event;
  bool resume = false;
  bool due = false;
  bool fails = false;
  {
    const std::scoped_lock lock(mutex_);
    if (next_event_ == published_) {
      awaited_ = receiving_ = true;
      fails = std::exchange(failure_waits_, false);
      if (!fails) return std::nullopt;
    }
  }
  if (fails) {
    perform([this] {
      if (connection_ != nullptr) connection_->fail_now();
    });
  }
  {
    const std::scoped_lock lock(mutex_);
    if (next_event_ == published_) return std::nullopt;
    event = std::move(events_[next_event_++]);
    if (event->kind != Event::Kind::kDisconnect) waiting_size_ -= event->text.size();
    if (next_event_ == events_.size()) {
      constexpr std::size_t kKept = 4;
      events_.clear();
      next_event_ = published_ = 0;
      if (events_.capacity() > kKept) std::vector<Event>().swap(events_);
    }
    resume = reading_paused_ && has_room_locked();
    if (resume) reading_paused_ = false;
    // uvicorn's application has gone on by the time its transport says that the connection is lost, unless that is what
    // it waited for.
    const bool of_client = event->kind != Event::Kind::kDisconnect || event->by_close_frame;
    if (event->awaited && of_client && (closing_ || gone_)) {
      told_ = true;
      due = !std::exchange(waking_, true);
    } else if (!of_client && state_ != State::kClosed) {
      told_ = false;
    }
  }
  if (resume) resume_reading();
  wake_if_due(due);
  return event;
}

void WebSocketConversation::resume_reading() {
  perform([this] {
    if (connection_ != nullptr) connection_->resume_reading();
  });
}

WebSocketConversation::State WebSocketConversation::state() const noexcept {
  const std::scoped_lock lock(mutex_);
  return state_;
}

bool WebSocketConversation::gone() const noexcept {
  const std::scoped_lock lock(mutex_);
  return gone_ && !told_;
}

bool WebSocketConversation::closing() const noexcept {
  const std::scoped_lock lock(mutex_);
  return closing_;
}

bool WebSocketConversation::send_paused() const noexcept {
  const std::scoped_lock lock(mutex_);
  return paused_locked();
}

bool WebSocketConversation::must_wait_to_send() noexcept {
  const std::scoped_lock lock(mutex_);
  if (!paused_locked()) return false;
  return awaited_ = true;
}

void WebSocketConversation::accept(std::span<const http::Header> headers, std::string_view subprotocol) {
  {
    const std::scoped_lock lock(mutex_);
    state_ = State::kOpen;
    accepted_ = true;
  }
  if (local_) {
    if (http::Exchange* const exchange = exchange_.find()) switch_protocol(*exchange, headers, subprotocol);
    return;
  }
  exchange_.post([self = shared_from_this(), headers = OwnedHeaders(headers), subprotocol = std::string(subprotocol)](
                     http::Exchange& exchange) { self->switch_protocol(exchange, headers.view(), subprotocol); });
}

// A whole answer that is none of a WebSocket connection's.
void WebSocketConversation::answer(int status, std::vector<std::pair<std::string, std::string>> headers,
                                   std::string body) {
  bool due = false;
  {
    const std::scoped_lock lock(mutex_);
    state_ = State::kClosed;
    told_ = true;
    due = !std::exchange(waking_, true);
  }
  wake_if_due(due);
  perform([this, status, headers = std::move(headers), body = std::move(body)] {
    http::Exchange* const exchange = exchange_.find();
    if (exchange == nullptr) return;
    const auto keep = std::move(exchange_side_);
    exchange->set_listener(nullptr);
    std::vector<http::Header> fields;
    fields.reserve(headers.size());
    for (const auto& [name, value] : headers) fields.push_back({name, value});
    exchange->refuse_upgrade(status, fields, body);
    if (local_) exchange->flush();
    on_closed();
  });
}

void WebSocketConversation::refuse() {
  {
    const std::scoped_lock lock(mutex_);
    push_locked({.code = CloseCode::kAbnormal});
    accepted_ = true;  // as under uvicorn: what follows is 1005
  }
  answer(403, {}, {});
}

void WebSocketConversation::begin_denial(int status, std::vector<std::pair<std::string, std::string>> headers) {
  const std::scoped_lock lock(mutex_);
  state_ = State::kDenying;
  denial_status_ = status;
  denial_headers_ = std::move(headers);
}

void WebSocketConversation::deny(std::string_view piece, bool more_body) {
  denial_body_.append(piece);
  if (more_body) return;
  {
    const std::scoped_lock lock(mutex_);
    push_locked({.code = CloseCode::kAbnormal});
  }
  answer(denial_status_, std::move(denial_headers_), std::move(denial_body_));
}

void WebSocketConversation::send(websocket::Opcode kind, std::string_view payload) {
  if (local_) {
    send_here(kind, payload);
    flush_here();
    note_written(0);
    return;
  }
  {
    const std::scoped_lock lock(mutex_);
    in_transit_ += payload.size();
  }
  perform([this, kind, owned = std::string(payload)] {
    send_here(kind, owned);
    note_written(owned.size());
  });
}

void WebSocketConversation::close(std::uint16_t code, std::string_view reason) {
  {
    const std::scoped_lock lock(mutex_);
    state_ = State::kClosed;
    push_locked({.text = std::string(reason), .code = code, .has_reason = true});
  }
  perform([this, code, owned = std::string(reason)] {
    close_here(code, owned);
    if (local_) flush_here();
  });
}

void WebSocketConversation::end() {
  switch (state()) {
    case State::kConnecting:
      return answer(500, {}, "Internal Server Error");
    case State::kDenying:
      perform([this] {
        if (http::Exchange* const exchange = exchange_.find()) exchange->abort();
      });
      return;
    case State::kOpen:
      perform([this] {
        finish_here();
        if (local_) flush_here();
      });
      return;
    case State::kClosed:
      return;
  }
}

}  // namespace data_bridge::bridge
