// One request and its answer, between the thread that has its connection and the thread that answers it.
#include "bridge/conversation/conversation.hpp"

#include "bridge/conversation/owned_headers.hpp"

namespace data_bridge::bridge {

Conversation::Conversation(http::Exchange& exchange, Body body, bool local)
    : request_(exchange.request(), exchange.body()),
      head_at_(exchange.head_at()),
      client_(exchange.client_address()),
      server_(exchange.server_address()),
      server_path_(server_.family == runtime::SocketAddress::Family::kUnix ? exchange.server_host()
                                                                           : std::string_view()),
      body_(body),
      local_(local),
      has_layers_(exchange.has_layers()),
      largest_body_(exchange.largest_body()),
      exchange_(exchange.ref()),
      is_head_(request_.head().method == "HEAD"),
      wants_continue_(request_.head().expects_continue),
      opened_(body == Body::kStream) {
  if (opened_ && !request_.head().has_body()) arrived_ = last_ = true;
}

// --- the connection's thread ------------------------------------------------------------------------

// On one thread the exchange is asked when somebody wants to know: most requests are answered before that.
void Conversation::begin(http::Exchange& exchange, std::chrono::milliseconds timeout) {
  const bool has_deadline = timeout.count() > 0;
  if (opened_ || !local_ || has_deadline) listen(exchange);
  if (!opened_ && exchange_side_ != nullptr) exchange.pause_body();
  if (has_deadline) set_deadline(exchange, runtime::Clock::now() + timeout);
}

void Conversation::listen(http::Exchange& exchange) {
  exchange_side_ = shared_from_this();
  exchange.set_listener(this);
}

void Conversation::set_deadline(http::Exchange& exchange, runtime::Clock::time_point when) {
  deadline_reactor_ = &exchange.reactor();
  deadline_ = deadline_reactor_->schedule_at(when, [this, name = exchange.ref()] {
    deadline_reactor_ = nullptr;
    expire(name);
  });
}

void Conversation::forget_deadline() noexcept {
  if (deadline_reactor_ != nullptr) std::exchange(deadline_reactor_, nullptr)->cancel(deadline_);
}

void Conversation::expire(const http::ExchangeRef& exchange) {
  const auto keep = shared_from_this();
  http::Exchange* const found = exchange.find();
  if (found == nullptr) return;
  {
    const std::scoped_lock lock(mutex_);
    expired_ = true;
  }
  if (found->started()) return found->abort();
  found->leave_layers();
  found->respond(504, "text/plain; charset=utf-8", "Gateway Timeout");
}

// The exchange is about to be finished from here: its end is no news.
void Conversation::let_go(http::Exchange& exchange) noexcept {
  const auto keep = std::move(exchange_side_);
  if (keep == nullptr) return;
  forget_deadline();
  exchange.set_listener(nullptr);
}

// The client is gone, or the exchange was answered without let_go(): by a file, if one was on its way.
void Conversation::on_closed(http::Exchange& /*exchange*/, http::ExchangeEnd end) noexcept {
  const auto keep = std::move(exchange_side_);
  forget_deadline();
  update([this, end] {
    const bool by_file = file_.state == FileState::kOnItsWay && end == http::ExchangeEnd::kAnswered;
    if (by_file) file_.state = FileState::kSent;
    gone_ = !by_file;
    return true;
  });
}

void Conversation::on_body(http::Exchange& exchange, std::string_view piece, bool last) {
  update([&] {
    if (last_) return false;  // a request without a body: its end was known from the head
    pending_.append(piece);
    last_ = last;
    if (pending_.size() > kHighWater && !last) {
      reading_paused_ = true;
      exchange.pause_body();
    }
    return arrived_ = true;
  });
}

void Conversation::on_drained(http::Exchange& exchange) {
  bool wrote_file = false;
  update([&] {
    wrote_file = file_.state == FileState::kOnItsWay;
    return std::exchange(write_paused_, false) && !wrote_file;
  });
  if (wrote_file) note_file(exchange, {.state = file_end_});
}

void Conversation::note_written(const http::Exchange& exchange, std::size_t from_afar) noexcept {
  if (from_afar == 0 && exchange.has_room()) return;
  update([&] {
    const bool was_full = in_transit_ > kHighWater;
    in_transit_ -= from_afar;
    if (!exchange.has_room()) write_paused_ = true;
    return !write_paused_ && was_full && in_transit_ <= kHighWater;
  });
}

// --- the application's thread -----------------------------------------------------------------------

void Conversation::woken() noexcept {
  const std::scoped_lock lock(mutex_);
  waking_ = false;
}

bool Conversation::gone() const noexcept {
  const std::scoped_lock lock(mutex_);
  return gone_;
}

bool Conversation::expired() const noexcept {
  const std::scoped_lock lock(mutex_);
  return expired_;
}

void Conversation::open() {
  if (std::exchange(opened_, true)) return;
  whole_body_ = body_ == Body::kWhole || !request_.head().has_body();
  if (whole_body_) {
    const std::scoped_lock lock(mutex_);
    last_ = true;
  }
  if (!local_ || exchange_side_ != nullptr) {
    if (!whole_body_) perform([](http::Exchange& exchange) { exchange.resume_body(); });
  } else if (http::Exchange* const exchange = exchange_.find()) {
    listen(*exchange);
  } else {
    const std::scoped_lock lock(mutex_);
    gone_ = true;
  }
}

Conversation::Received Conversation::receive(std::string& body, bool& more_body) {
  if (std::exchange(wants_continue_, false) && state_ == State::kWaiting) {
    perform([](http::Exchange& exchange) { exchange.want_body(); });
  }
  if (state_ == State::kComplete) return Received::kDisconnect;
  bool resume = false;
  {
    const std::scoped_lock lock(mutex_);
    if (gone_) return Received::kDisconnect;
    if (std::exchange(whole_body_, false)) {
      body.assign(request_.body());
      more_body = false;
      return Received::kBody;
    }
    if (!arrived_) {
      awaited_ = true;
      return Received::kNothing;
    }
    arrived_ = false;
    body.clear();
    body.swap(pending_);  // whose next bytes find the room of the last ones
    more_body = !last_;
    resume = std::exchange(reading_paused_, false);
  }
  if (resume) perform([](http::Exchange& exchange) { exchange.resume_body(); });
  return Received::kBody;
}

bool Conversation::paused_locked() const noexcept { return (write_paused_ || in_transit_ > kHighWater) && !gone_; }

Conversation::Room Conversation::room_to_send() noexcept {
  const std::scoped_lock lock(mutex_);
  if (gone_) return Room::kGone;
  if (!paused_locked()) return Room::kYes;
  awaited_ = true;
  return Room::kNo;
}

bool Conversation::send_paused() const noexcept {
  const std::scoped_lock lock(mutex_);
  return paused_locked();
}

void Conversation::leave_layers() {
  if (has_layers_) perform([](http::Exchange& exchange) { exchange.leave_layers(); });
}

void Conversation::note_reported() {
  perform([](http::Exchange& exchange) { exchange.set_reported(); });
}

// The name goes with the answer, where nobody needs it any more: a count less that goes to and fro between threads.
http::ExchangeRef Conversation::last_name() noexcept { return expects_more_ ? exchange_ : std::move(exchange_); }

// On the exchange's thread, where what runs behind the answer may block it.
void Conversation::flush_before_more(http::Exchange& exchange) const noexcept {
  if (expects_more_) exchange.flush_soon();
}

void Conversation::respond(int status, std::span<const http::Header> headers, std::string_view body) {
  state_ = State::kComplete;
  if (local_) {
    perform([&](http::Exchange& exchange) {
      exchange.respond(status, headers, body);
      flush_before_more(exchange);
    });
    return;
  }
  last_name().post([status, headers = OwnedHeaders(headers), body = std::string(body)](http::Exchange& exchange) {
    exchange.respond(status, headers.view(), body);
  });
}

void Conversation::respond(int status, std::string_view content_type, std::string_view body) {
  state_ = State::kComplete;
  if (local_) {
    perform([&](http::Exchange& exchange) {
      exchange.respond(status, content_type, body);
      flush_before_more(exchange);
    });
    return;
  }
  last_name().post([status, content_type = std::string(content_type), body = std::string(body)](
                       http::Exchange& exchange) { exchange.respond(status, content_type, body); });
}

void Conversation::announce_start() noexcept {
  state_ = State::kStarted;
  wants_continue_ = false;
}

void Conversation::start(int status, std::span<const http::Header> headers, std::optional<std::int64_t> content_length,
                         bool trailers) {
  announce_start();
  trailers_ = trailers;
  remaining_ = content_length.value_or(0);
  chunked_ = !content_length && !is_head_ && status != 204 && status != 304;
  if (!local_) {
    perform([status, headers = OwnedHeaders(headers)](http::Exchange& exchange) {
      exchange.start(status, headers.view());
    });
    return;
  }
  perform([&](http::Exchange& exchange) {
    exchange.start(status, headers);
    // A stream's head: what makes the stream may take its time. That of an answer with a length waits for its body,
    // which is there already nearly always, to spare a system call.
    if (chunked_) exchange.flush_soon();
  });
}

Conversation::Sent Conversation::send(std::string_view piece, bool more_body) {
  if (is_head_) {
    remaining_ = 0;
    piece = {};
  } else if (!chunked_) {
    if (static_cast<std::int64_t>(piece.size()) > remaining_) return Sent::kTooLong;
    remaining_ -= static_cast<std::int64_t>(piece.size());
  }
  const bool last = !more_body && remaining_ == 0;
  write(piece, last && !trailers_);
  if (more_body) return Sent::kGood;
  if (!last) return Sent::kTooShort;
  state_ = trailers_ ? State::kTrailers : State::kComplete;
  return Sent::kGood;
}

// A piece of the body; with `last` it ends the answer. On this thread it leaves at once, before the application goes
// on, which may take long, be it to the next piece or to a background task.
void Conversation::write(std::string_view piece, bool last) {
  if (local_) {
    perform([&](http::Exchange& exchange) {
      write_to(exchange, piece, last);
      exchange.flush_soon();
      if (!last) note_written(exchange, 0);
    });
    return;
  }
  {
    const std::scoped_lock lock(mutex_);
    in_transit_ += piece.size();
  }
  perform([self = shared_from_this(), owned = std::string(piece), last](http::Exchange& exchange) {
    self->write_to(exchange, owned, last);
    if (!last) self->note_written(exchange, owned.size());
  });
}

void Conversation::write_to(http::Exchange& exchange, std::string_view piece, bool last) {
  exchange.write(piece);
  if (!last) return;
  let_go(exchange);
  exchange.finish();
}

Conversation::Breach Conversation::breach() const noexcept {
  if (state_ == State::kComplete || state_ == State::kSendingFile || gone()) return Breach::kNone;
  return state_ == State::kWaiting ? Breach::kNotStarted : Breach::kNotCompleted;
}

void Conversation::end(Ending ending) {
  const State reached = std::exchange(state_, State::kComplete);
  if (reached == State::kComplete) {
    if (ending == Ending::kReturned) return;
    return local_ ? exchange_.close_connection_here() : exchange_.close_connection();
  }
  if (reached == State::kSendingFile && ending == Ending::kReturned && leave_file()) return;
  const bool breaks_off = reached != State::kWaiting || ending == Ending::kUnlawful;
  perform([self = shared_from_this(), breaks_off](http::Exchange& exchange) {
    self->let_go(exchange);
    if (breaks_off) return exchange.abort();
    static constexpr http::Header kHeaders[] = {
        {"content-type", "text/plain; charset=utf-8"}, {"content-length", "21"}, {"connection", "close"}};
    exchange.leave_layers();  // an exception has passed them all
    exchange.respond(500, kHeaders, "Internal Server Error");
  });
}

}  // namespace data_bridge::bridge
