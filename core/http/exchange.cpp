// One request and its answer, as the code that answers it sees them.
#include "http/exchange.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "http/characters.hpp"
#include "http/fields.hpp"
#include "http/status.hpp"
#include "http/wire.hpp"

namespace data_bridge::http {
namespace {

// Of a client's choice, so not kept for the next request.
constexpr std::size_t kLongestSpareText = 1024;

}  // namespace

ExchangeRef Exchange::ref() const { return wire_->ref(id_); }

runtime::Reactor& Exchange::reactor() const noexcept { return wire_->reactor(); }

// --- the peer

std::string_view Exchange::client_host() const noexcept {
  if (client_host_.empty()) client_host_ = client_address().host();
  return client_host_;
}

std::uint16_t Exchange::client_port() const noexcept { return client_address().port; }

const runtime::SocketAddress& Exchange::client_address() const noexcept { return wire_->client_address(); }

const runtime::SocketAddress& Exchange::server_address() const noexcept { return wire_->server_address(); }

std::string_view Exchange::server_host() const noexcept {
  if (server_host_.empty()) {
    const runtime::SocketAddress& address = server_address();
    server_host_ = address.family == runtime::SocketAddress::Family::kUnix ? wire_->server_path() : address.host();
  }
  return server_host_;
}

std::uint16_t Exchange::server_port() const noexcept { return server_address().port; }

// --- the answer

void Exchange::respond(int status, std::string_view content_type, std::string_view body) {
  const Header header{"content-type", content_type};
  respond(status, {&header, 1}, body);
}

void Exchange::respond(int status, std::span<const Header> headers, std::string_view body) {
  if (started_ || answered_) return;
  const ResponseFields fields(headers);
  if (!may_be_sent(status, fields)) return answer_internal_error();
  if (layered_) return respond_layered(status, headers, body);
  send(status, headers, fields, body, true);
}

void Exchange::send(int status, std::span<const Header> headers, const ResponseFields& fields, std::string_view body,
                    bool length_known) {
  AnswerHead head{.status = status, .to_head = is_head_, .headers = headers, .fields = fields};
  dropping_body_ = is_head_ || is_bodiless(status);
  if (!is_bodiless(status) && length_known) {
    head.body = BodySize::kKnown;
    head.length = body.size();
    head.length_is_given = fields.content_length && (is_head_ || *fields.content_length == body.size());
  } else if (status == 304 && fields.content_length) {
    head.body = BodySize::kKnown;
    head.length_is_given = true;
  }
  if (dropping_body_) body = {};
  started_ = true;
  status_ = status;
  body_sent_ = body.size();
  wire_->answer(*this, head, body);
  end(ExchangeEnd::kAnswered);
}

void Exchange::start(int status, std::span<const Header> headers) {
  if (started_ || answered_) return;
  const ResponseFields fields(headers);
  if (!may_be_sent(status, fields)) return answer_internal_error();
  if (layered_) return start_layered(status, headers);
  begin_pieces(status, headers, fields);
}

void Exchange::begin_pieces(int status, std::span<const Header> headers, const ResponseFields& fields) {
  AnswerHead head{.status = status, .to_head = is_head_, .headers = headers, .fields = fields};
  dropping_body_ = is_head_ || is_bodiless(status);
  length_declared_ = fields.content_length && (!is_bodiless(status) || status == 304);
  if (length_declared_) {
    head.body = BodySize::kKnown;
    head.length_is_given = true;
    length_remaining_ = *fields.content_length;
  } else if (!dropping_body_) {
    head.body = BodySize::kUnknown;
  }
  started_ = true;
  status_ = status;
  wire_->begin_answer(*this, head);
}

bool Exchange::may_be_sent(int status, const ResponseFields& fields) const noexcept {
  // Of what has no body nobody can take too much or too little.
  return fields.valid && is_final(status) && (!fields.lengths_differ || is_head_ || is_bodiless(status));
}

void Exchange::answer_internal_error() {
  close_after();
  respond(500, "text/plain; charset=utf-8", "Internal Server Error");
}

void Exchange::write(std::string_view piece) {
  if (!started_ || answered_ || piece.empty() || dropping_body_) return;
  if (length_declared_) {
    if (piece.size() > length_remaining_) return abort();
    length_remaining_ -= piece.size();
  }
  if (filtered_) {
    const std::optional<std::string_view> changed = filtered(piece, false);
    if (!changed || changed->empty()) return;
    piece = *changed;
  }
  body_sent_ += piece.size();
  wire_->write(*this, piece);
}

void Exchange::finish(std::span<const Header> trailers) {
  if (!started_ || answered_) return;
  if (!dropping_body_ && length_declared_ && length_remaining_ > 0) return abort();
  if (filtered_) {
    const std::optional<std::string_view> rest = filtered({}, true);
    if (!rest) return;
    body_sent_ += rest->size();
    if (!rest->empty()) wire_->write(*this, *rest);
  }
  std::vector<Header> sent;
  std::ranges::copy_if(trailers, std::back_inserter(sent), [](const Header& field) {
    return valid_header(field.name, field.value) && may_be_trailer(field.name);
  });
  wire_->finish(*this, sent);
  end(ExchangeEnd::kAnswered);
}

bool Exchange::upgrade(std::span<const Header> headers, MakeProtocol make, std::size_t leading) {
  if (started_ || answered_ || !request_.asks_upgrade) return false;
  const ResponseFields fields(headers);
  if (!fields.valid || fields.lengths_differ || fields.close || !find_field(headers, "upgrade")) return false;
  constexpr int kSwitchingProtocols = 101;
  const AnswerHead head{.status = kSwitchingProtocols, .headers = headers, .fields = fields, .leading = leading};
  if (!wire_->upgrade(*this, head, make)) return false;
  started_ = upgrades_ = true;
  status_ = kSwitchingProtocols;
  end(ExchangeEnd::kAnswered);
  return true;
}

void Exchange::refuse_upgrade(int status, std::span<const Header> headers, std::string_view body) {
  if (started_ || answered_) return;
  const ResponseFields fields(headers);
  if (!may_be_sent(status, fields)) return answer_internal_error();
  dropping_body_ = is_head_ || is_bodiless(status);
  const AnswerHead head{.status = status,
                        .body = is_bodiless(status) ? BodySize::kNone : BodySize::kKnown,
                        .length = body.size(),
                        .headers = headers,
                        .fields = fields};
  if (dropping_body_) body = {};
  started_ = upgrades_ = true;
  status_ = status;
  body_sent_ = body.size();
  wire_->refuse_upgrade(*this, head, body);
  end(ExchangeEnd::kAnswered);
}

void Exchange::flush() noexcept { wire_->flush(); }

void Exchange::flush_soon() noexcept { wire_->flush_soon(); }

void Exchange::abort() {
  if (!answered_) wire_->abort(*this);
}

void Exchange::close_after() noexcept { wire_->close_after(*this); }

std::size_t Exchange::unsent() const noexcept { return wire_->unsent(*this); }

bool Exchange::has_room() const noexcept { return wire_->has_room(*this); }

// --- the request's body

void Exchange::set_listener(ExchangeListener* listener) noexcept {
  listener_ = listener;
  if (listener != nullptr) resume_body();
}

void Exchange::want_body() {
  if (!started_ && !answered_) wire_->want_body(*this);
}

void Exchange::pause_body() noexcept {
  if (answered_) return;
  body_paused_ = true;
  wire_->pause_body(*this);
}

void Exchange::resume_body() {
  body_paused_ = false;
  if (!answered_) wire_->resume_body(*this);
}

// --- the layers

bool Exchange::enter_passage(const Pipeline& layers) {
  if (passage_ == nullptr) passage_ = std::make_unique<Passage>();
  layered_ = true;
  return passage_->enter(layers, *this);
}

bool Exchange::enter(std::shared_ptr<const Pipeline> layers) {
  if (layers == nullptr || started_ || answered_) return false;
  if (layers->calls().answered && !std::exchange(noted_, true)) begun_ = head_at_.value_or(runtime::Clock::now());
  route_layers_ = std::move(layers);
  if (passage_ != nullptr) connection_depth_ = passage_->depth();
  return route_layers_->sees_answers() && enter_passage(*route_layers_);
}

void Exchange::leave_layers() noexcept {
  if (started_ || answered_ || route_layers_ == nullptr || passage_ == nullptr) return;
  passage_->leave(connection_depth_);
  layered_ = connection_layers_ != nullptr && connection_layers_->sees_answers();
}

bool Exchange::edit(EditableHead& head, bool sends_body) {
  try {
    if (passage_ == nullptr) {
      passage_ = std::make_unique<Passage>();
      passage_->join(*connection_layers_);
    }
    passage_->edit(head, sends_body);
    if (is_final(head.status())) return true;
  } catch (...) {  // NOLINT(bugprone-empty-catch): a layer's fault, answered below
  }
  layered_ = false;
  answer_internal_error();
  return false;
}

void Exchange::respond_layered(int status, std::span<const Header> headers, std::string_view body) {
  EditableHead head(status, headers, body);
  if (!edit(head, !is_head_)) return;
  const ResponseFields fields(head.headers());
  layered_ = false;
  if (!may_be_sent(head.status(), fields)) return answer_internal_error();
  send(head.status(), head.headers(), fields, *head.body(), !passage_->filters());
}

void Exchange::start_layered(int status, std::span<const Header> headers) {
  EditableHead head(status, headers);
  if (!edit(head, !is_head_)) return;
  const ResponseFields fields(head.headers());
  layered_ = false;
  if (!may_be_sent(head.status(), fields)) return answer_internal_error();
  begin_pieces(head.status(), head.headers(), fields);
  filtered_ = !dropping_body_ && passage_->filters();
  // What the handler has declared holds for what it writes.
  const ResponseFields declared(headers);
  if (filtered_ && declared.content_length) {
    length_declared_ = true;
    length_remaining_ = *declared.content_length;
  }
}

std::optional<std::string_view> Exchange::filtered(std::string_view piece, bool last) {
  try {
    return passage_->filter(piece, last);
  } catch (...) {
    abort();
    return std::nullopt;
  }
}

void Exchange::note_answered(bool complete) noexcept {
  const std::string_view line = request_line_;
  const bool kept = !line.empty();
  const Answered answered{
      .method = kept ? line.substr(0, method_size_) : request_.method,
      .target = kept ? line.substr(method_size_) : request_.target,
      .version = request_.version,
      .client_host = client_host(),
      .client_port = client_port(),
      .status = status_,
      .body_size = body_sent_,
      .duration = runtime::Clock::now() - begun_,
      .complete = complete,
      .upgrade = upgrades_,
      .reported = reported_,
      .forwarded_for = forwarded_for_,
  };
  if (route_layers_ != nullptr) route_layers_->answered(answered);
  if (connection_layers_ != nullptr) connection_layers_->answered(answered);
}

// --- for the protocol

void Exchange::begin(Wire& wire, ExchangeId id, const Request& request, const Pipeline* layers) {
  wire_ = &wire;
  id_ = id;
  request_ = request;
  body_ = {};
  body_paused_ = false;
  head_at_.reset();
  is_head_ = request.method == "HEAD";
  started_ = answered_ = dropping_body_ = length_declared_ = false;
  status_ = 0;
  body_sent_ = length_remaining_ = 0;
  connection_layers_ = layers;
  layered_ = layers != nullptr && layers->sees_answers();
  noted_ = layers != nullptr && layers->calls().answered;
  filtered_ = upgrades_ = reported_ = false;
  connection_depth_ = 0;
  if (noted_) begun_ = runtime::Clock::now();
  request_line_.clear();
  forwarded_for_.clear();
  if (noted_ && layers->calls().forwarded) note_forwarded();
  client_host_.clear();
  server_host_.clear();
}

void Exchange::note_forwarded() {
  for (const Header& field : request_.headers) {
    if (!text::equals_lower(field.name, "x-forwarded-for")) continue;
    if (!forwarded_for_.empty()) forwarded_for_ += ", ";
    forwarded_for_ += field.value;
  }
}

void Exchange::tell_drained() {
  if (!answered_ && listener_ != nullptr) listener_->on_drained(*this);
}

void Exchange::end(ExchangeEnd end) noexcept {
  if (std::exchange(answered_, true)) return;
  in_line_.leave();
  if (noted_ && status_ != 0) note_answered(end == ExchangeEnd::kAnswered);
  if (ExchangeListener* const listener = std::exchange(listener_, nullptr)) listener->on_closed(*this, end);
}

void Exchange::forget_views() {
  if (answered_) return;
  if (noted_ && request_line_.empty()) {
    method_size_ = request_.method.size();
    request_line_.reserve(method_size_ + request_.target.size());
    request_line_.append(request_.method).append(request_.target);
  }
  request_.method = request_.target = request_.path = request_.query = request_.host = {};
  request_.headers = {};
  body_ = {};
  wire_->views_dropped(*this);
}

void Exchange::clear() noexcept {
  for (std::string* text : {&request_line_, &client_host_, &server_host_}) {
    if (text->capacity() > kLongestSpareText) std::string().swap(*text);
  }
  listener_ = nullptr;
  wire_ = nullptr;
  passage_.reset();
  route_layers_.reset();
}

}  // namespace data_bridge::http
