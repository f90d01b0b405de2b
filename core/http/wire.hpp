// What an exchange answers through: the part of a protocol that knows how a message is framed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/exchange_id.hpp"
#include "http/exchange_ref.hpp"
#include "http/file_body.hpp"
#include "http/protocol.hpp"
#include "http/request.hpp"
#include "http/response_fields.hpp"
#include "runtime/blocking_threads.hpp"
#include "runtime/reactor.hpp"
#include "runtime/socket.hpp"

namespace data_bridge::http {

class Exchange;

/// What of a body's size is known when its head leaves.
enum class BodySize : std::uint8_t {
  kNone,     ///< no body and no field that announces one
  kKnown,    ///< content-length, of a body that follows (or, for HEAD and 304, would have followed)
  kUnknown,  ///< the protocol marks the end in its own way
};

/// The head of an answer, valid and final: what is left is the protocol's affair.
struct AnswerHead {
  int status = 200;
  BodySize body = BodySize::kNone;
  std::uint64_t length = 0;      ///< with kKnown
  bool length_is_given = false;  ///< among the headers: stays where it is
  bool to_head = false;          ///< it answers a HEAD
  std::span<const Header> headers;
  const ResponseFields& fields;  ///< of these headers
  std::size_t leading = 0;       ///< with 101: so many of the headers stand before all that the protocol adds
};

/// Implemented by a protocol that carries exchanges, one object for all of a connection. Called by Exchange alone,
/// which has checked that the call makes sense: an answer begins once, and nothing is written behind its end.
class Wire {
 public:
  // --- the answer
  /// The whole of it.
  virtual void answer(Exchange& exchange, const AnswerHead& head, std::string_view body) = 0;
  virtual void begin_answer(Exchange& exchange, const AnswerHead& head) = 0;
  /// A piece of the body, not empty.
  virtual void write(Exchange& exchange, std::string_view piece) = 0;
  /// Behind the last piece; `trailers` are sent where the framing has a place for them.
  virtual void finish(Exchange& exchange, std::span<const Header> trailers) = 0;
  /// Pieces of the body, not empty, that are in a file. Exchange::file_written() is called when they have been written,
  /// and nothing else of this exchange is until then.
  virtual void write_file(Exchange& exchange, FileBody body) = 0;
  /// What write_file() has waited for a disk for is in memory.
  virtual void file_loaded(Exchange& exchange) noexcept = 0;
  /// The answer will not be completed, and the client must be able to tell. Ends the exchange.
  virtual void abort(Exchange& exchange) noexcept = 0;
  virtual void close_after(Exchange& exchange) noexcept = 0;
  /// Ends the exchange's protocol with this head (101); what `make` makes goes on with the connection. False where it
  /// cannot: then nothing has happened.
  [[nodiscard]] virtual bool upgrade(Exchange& /*exchange*/, const AnswerHead& /*head*/, MakeProtocol& /*make*/) {
    return false;
  }
  /// The whole answer to a request that an upgrade is refused to, the last of the connection: `head.headers` come
  /// first, what is missing behind them.
  virtual void refuse_upgrade(Exchange& exchange, const AnswerHead& head, std::string_view body) = 0;
  /// What was written leaves now.
  virtual void flush() noexcept = 0;
  /// The same, or a little later with what else is written in this turn, whatever the turn's thread does meanwhile.
  virtual void flush_soon() noexcept = 0;
  [[nodiscard]] virtual std::size_t unsent(const Exchange& exchange) const noexcept = 0;
  [[nodiscard]] virtual bool has_room(const Exchange& exchange) const noexcept = 0;

  // --- the request's body
  virtual void want_body(Exchange& exchange) = 0;
  virtual void pause_body(Exchange& exchange) noexcept = 0;
  virtual void resume_body(Exchange& exchange) = 0;
  /// The exchange's views have been dropped: so may be what they pointed to.
  virtual void views_dropped(Exchange& exchange) noexcept = 0;

  // --- the connection
  [[nodiscard]] virtual runtime::Reactor& reactor() const noexcept = 0;
  [[nodiscard]] virtual runtime::BlockingThreads& blocking_threads() const = 0;
  [[nodiscard]] virtual ExchangeRef ref(ExchangeId id) const = 0;
  [[nodiscard]] virtual const runtime::SocketAddress& client_address() const noexcept = 0;
  [[nodiscard]] virtual const runtime::SocketAddress& server_address() const noexcept = 0;
  /// Of a Unix socket.
  [[nodiscard]] virtual std::string server_path() const = 0;

 protected:
  ~Wire() = default;
};

}  // namespace data_bridge::http
