// One request and its answer, as the code that answers it sees them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/exchange_id.hpp"
#include "http/exchange_ref.hpp"
#include "http/file_body.hpp"
#include "http/layer.hpp"
#include "http/passage.hpp"
#include "http/protocol.hpp"
#include "http/request.hpp"
#include "http/response_fields.hpp"
#include "runtime/blocking_threads.hpp"
#include "runtime/reactor.hpp"
#include "runtime/socket.hpp"

namespace data_bridge::http {

class Wire;

/// How an exchange ended.
enum class ExchangeEnd : std::uint8_t {
  kAnswered,  ///< with a whole answer, be it the exchange's own 500
  kBroken,    ///< the client went away or broke the framing of its body, or the answer was aborted
};

/// What happens to an exchange after Handler::on_request() returned without a whole answer.
/// All calls on the thread of the connection. Every exchange that has a listener when it ends tells it once, by
/// on_closed(); the listener must outlive it or call set_listener(nullptr).
class ExchangeListener {
 public:
  /// A decoded piece of the request's body (BodyMode::kStream); `last` with the final one, which may be empty.
  virtual void on_body(Exchange& exchange, std::string_view piece, bool last) = 0;
  /// The last call: the exchange is over, whoever has ended it. From within that call; nothing can be written any more.
  virtual void on_closed(Exchange& exchange, ExchangeEnd end) noexcept = 0;
  /// What was written has left for the kernel, down to Limits::write_low_water.
  virtual void on_drained(Exchange& exchange) = 0;

 protected:
  ~ExchangeListener() = default;
};

/// One request and its answer, whatever protocol carries them. Owned by the protocol, which derives from it and speaks
/// through Wire; pinned to the connection's thread.
///
/// Answer with respond(), or in pieces with start(), write() ..., finish(). What is written leaves at the end of
/// the turn, in one send(2) per connection; only pieces of 64 KiB and more go at once, together with what
/// waited before them, to spare their copy.
/// A second answer, and calls after the exchange is over but still within the call that handed it out, do nothing.
/// `date`, `server` (unless given) and `connection` fields are added; framing follows RFC 9112, 6.3:
/// a body is dropped for HEAD, 204 and 304.
class Exchange {
 public:
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// Its views are empty after the call that handed it over (Handler::on_request) returned.
  [[nodiscard]] const Request& request() const noexcept { return request_; }
  /// BodyMode::kBuffer: the whole decoded body. kStream: nothing, see ExchangeListener::on_body.
  [[nodiscard]] std::string_view body() const noexcept { return body_; }

  [[nodiscard]] ExchangeId id() const noexcept { return id_; }
  /// Names this exchange for whoever answers after the current call, or from another thread.
  [[nodiscard]] ExchangeRef ref() const;
  /// Of the connection's thread.
  [[nodiscard]] runtime::Reactor& reactor() const noexcept;

  /// When the head was complete, where the body was not there yet (BodyMode::kBuffer).
  [[nodiscard]] std::optional<runtime::Clock::time_point> head_at() const noexcept { return head_at_; }

  // --- the peer -------------------------------------------------------------------------------
  [[nodiscard]] std::string_view client_host() const noexcept;  ///< "" on a Unix socket
  [[nodiscard]] std::uint16_t client_port() const noexcept;
  [[nodiscard]] std::string_view server_host() const noexcept;  ///< the socket's path on a Unix socket
  [[nodiscard]] std::uint16_t server_port() const noexcept;
  /// The same as addresses, for what is formatted later or never.
  [[nodiscard]] const runtime::SocketAddress& client_address() const noexcept;
  [[nodiscard]] const runtime::SocketAddress& server_address() const noexcept;

  // --- the layers around the answer -----------------------------------------------------------
  /// Has the request pass the layers of its route, behind those of the connection. For whoever routes, before the
  /// answer; null: none. True: one of them answers, and nobody else may.
  [[nodiscard]] bool enter(std::shared_ptr<const Pipeline> layers);
  /// It has entered such layers.
  [[nodiscard]] bool has_layers() const noexcept { return route_layers_ != nullptr; }
  /// A whole answer that is larger may keep all other connections waiting; see Layer::largest_body().
  [[nodiscard]] std::size_t largest_body() const noexcept {
    return passage_ != nullptr ? passage_->largest_body() : SIZE_MAX;
  }
  /// The answer will not pass the layers of the route: for whoever gives one that has passed their like already, or
  /// that is the server's own. Those of the connection stay. Before the answer.
  void leave_layers() noexcept;

  // --- the answer -----------------------------------------------------------------------------
  /// Whoever answers has written a line of the access log itself: layers are told. Before the answer.
  void set_reported() noexcept { reported_ = true; }
  /// A whole answer: `headers` in this order, `content-length` first unless it is among them.
  /// Names and values must be valid (RFC 9110, 5.5); see valid_header().
  void respond(int status, std::span<const Header> headers, std::string_view body);
  /// The common case: content-length and content-type.
  void respond(int status, std::string_view content_type, std::string_view body);

  /// Begins an answer in pieces. Without a content-length among `headers` the body is chunked on
  /// HTTP/1.1 and ended by closing on HTTP/1.0.
  void start(int status, std::span<const Header> headers);
  /// A piece of the body. Bytes beyond a declared content-length end the connection.
  void write(std::string_view piece);
  /// The end, with these trailer fields (RFC 9110, 6.5) where the body is chunked. Those that nobody may send there, or
  /// that are none, are left out.
  void finish(std::span<const Header> trailers = {});
  using OpenedFile = std::expected<std::shared_ptr<const runtime::File>, int>;
  using OnFile = std::move_only_function<void(Exchange&, OpenedFile)>;
  /// Opens a regular file for write_file(), and calls `then` with it or with an `errno`: within this call, where the
  /// kernel can tell at once, else later, when another thread has waited for it, if the exchange is not over by then.
  void open_file(std::string path, OnFile then);
  /// As write(), and with `last` finish(), of what is in a file: sendfile(2), as the client takes it and without
  /// waiting for a disk. Nothing else may be written until it has left, when the listener is told: by on_drained(), or
  /// of the end. Not where a layer filters this answer.
  void write_file(FileBody body, bool last);
  /// Ends HTTP on this connection with 101 (Switching Protocols, RFC 9110, 7.8) and these fields, `upgrade` among them.
  /// Once that has left, what `make` makes goes on with the connection, in its slot: it is counted, swept, drained and
  /// closed as before. False, and nothing has happened, where the client has not asked for it, its body is not
  /// complete, something has been answered, or the fields are no such answer. The first `leading` of them stand in
  /// front of `date` and `server`.
  [[nodiscard]] bool upgrade(std::span<const Header> headers, MakeProtocol make, std::size_t leading = 0);
  /// A whole answer in the place of upgrade(), after which the connection closes. It passes no layers: what refuses has
  /// spoken for all of the application. Names are sent as they are spelled.
  void refuse_upgrade(int status, std::span<const Header> headers, std::string_view body);
  /// What was written leaves now, not at the end of the turn: where other code may run for long before that. Not from
  /// within on_request(). Also behind finish(), within the same call.
  void flush() noexcept;
  /// The same for one of several pieces: those behind the first of a turn may leave together, but not much later than
  /// now (LateSender), whatever runs until the turn ends.
  void flush_soon() noexcept;
  /// Closes the connection without completing the answer (RFC 9112, 8: an incomplete message).
  void abort();
  [[nodiscard]] bool started() const noexcept { return started_; }
  /// Over: the answer is written, or will never be.
  [[nodiscard]] bool answered() const noexcept { return answered_; }
  /// The connection closes after this answer.
  void close_after() noexcept;
  /// Bytes accepted by write() that the kernel has not taken yet.
  [[nodiscard]] std::size_t unsent() const noexcept;
  /// False above Limits::write_high_water: whoever writes more should wait for ExchangeListener::on_drained().
  [[nodiscard]] bool has_room() const noexcept;

  // --- the request's body, BodyMode::kStream ------------------------------------------------------
  void set_listener(ExchangeListener* listener) noexcept;
  /// The handler wants the body: sends 100 (Continue) where the client waits for it.
  void want_body();
  /// Stops and resumes on_body() calls; reading from the socket pauses with them.
  void pause_body() noexcept;
  void resume_body();

 protected:
  Exchange() = default;
  ~Exchange() = default;

  // --- for the protocol that derives from it ------------------------------------------------------

  /// Begins with this request; `layers` are the connection's, or null.
  void begin(Wire& wire, ExchangeId id, const Request& request, const Pipeline* layers);
  /// Has the request pass these. True: one of them answers.
  [[nodiscard]] bool enter_connection_layers() {
    return layered_ && connection_layers_->sees_answers() && enter_passage(*connection_layers_);
  }
  /// The same request in another place.
  void move_request(const Request& request) noexcept { request_ = request; }
  void set_head_at(runtime::Clock::time_point when) noexcept { head_at_ = when; }
  /// BodyMode::kBuffer: the whole of it, valid until forget_views().
  void set_body(std::string_view body) noexcept { body_ = body; }
  /// BodyMode::kStream, while takes_body().
  void deliver(std::string_view piece, bool last) { listener_->on_body(*this, piece, last); }
  [[nodiscard]] bool takes_body() const noexcept { return listener_ != nullptr && !body_paused_; }
  void tell_drained();
  /// What write_file() was given has been written.
  void file_written();
  /// Has this done by a thread that may wait, while the exchange is not over; one at a time.
  void wait_for_disk(runtime::BlockingThreads::Work work);
  /// The bytes that the protocol waits for are in memory.
  void file_loaded();
  [[nodiscard]] bool may_be_sent(int status, const ResponseFields& fields) const noexcept;
  void answer_internal_error();
  /// The end: tells the layers and the listener.
  void end(ExchangeEnd end) noexcept;
  /// What handed it over has returned.
  void forget_views();
  /// Nobody is served by it any more; keeps its memory for the next.
  void clear() noexcept;

 private:
  [[nodiscard]] bool enter_passage(const Pipeline& layers);
  /// The head as the layers leave it; false where one has failed: then it is answered.
  [[nodiscard]] bool edit(EditableHead& head, bool sends_body);
  void respond_layered(int status, std::span<const Header> headers, std::string_view body);
  void start_layered(int status, std::span<const Header> headers);
  void send(int status, std::span<const Header> headers, const ResponseFields& fields, std::string_view body,
            bool length_known);
  void begin_pieces(int status, std::span<const Header> headers, const ResponseFields& fields);
  [[nodiscard]] std::optional<std::string_view> filtered(std::string_view piece, bool last);
  void note_answered(bool complete) noexcept;
  void note_forwarded();

  Wire* wire_ = nullptr;
  ExchangeId id_;
  Request request_;
  std::string_view body_;
  ExchangeListener* listener_ = nullptr;
  bool body_paused_ = false;
  std::optional<runtime::Clock::time_point> head_at_;

  // The answer.
  bool is_head_ = false;
  bool started_ = false;
  bool answered_ = false;
  bool dropping_body_ = false;    // HEAD, 204, 304
  bool file_is_last_ = false;     // write_file()
  bool length_declared_ = false;  // of what is written in pieces
  int status_ = 0;
  std::uint64_t length_remaining_ = 0;
  std::uint64_t body_sent_ = 0;
  runtime::BlockingThreads::Place in_line_;  // wait_for_disk()

  // The layers.
  bool layered_ = false;   // some see requests or heads
  bool filtered_ = false;  // some change this answer's body
  bool noted_ = false;     // some are told of the end
  bool upgrades_ = false;  // the answer is one to a wish to upgrade
  bool reported_ = false;
  const Pipeline* connection_layers_ = nullptr;
  std::shared_ptr<const Pipeline> route_layers_;
  std::unique_ptr<Passage> passage_;
  std::size_t connection_depth_ = 0;  // of the passage, before the route's layers
  runtime::Clock::time_point begun_;  // where noted_
  std::string request_line_;          // method and target, once the views are gone
  std::size_t method_size_ = 0;
  std::string forwarded_for_;

  mutable std::string client_host_;
  mutable std::string server_host_;
};

}  // namespace data_bridge::http
