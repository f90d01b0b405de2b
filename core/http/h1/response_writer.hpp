// Heads of answers, and the pieces of chunked bodies.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/date.hpp"
#include "http/limits.hpp"
#include "http/response_fields.hpp"
#include "runtime/buffer.hpp"

namespace data_bridge::http::h1 {

/// How the body's end is marked (RFC 9112, 6.3).
enum class BodyFraming : std::uint8_t {
  kNone,        ///< no body and no field that announces one
  kLength,      ///< content-length, of a body that follows (or, for HEAD and 304, would have followed)
  kChunked,     ///< transfer-encoding: chunked
  kUntilClose,  ///< HTTP/1.0 without a length
};

struct ResponseHead {
  int status = 200;
  BodyFraming framing = BodyFraming::kNone;
  std::uint64_t length = 0;        ///< with kLength
  bool length_is_given = false;    ///< among the headers: stays where it is
  bool keeps_chunked = false;      ///< a `transfer-encoding: chunked` among the headers stays where it is
  bool close = false;              ///< adds `connection: close`
  bool keep_alive_http10 = false;  ///< adds `connection: keep-alive`, which HTTP/1.0 needs to be told
  bool upgrade = false;            ///< adds `connection: upgrade`
  std::size_t leading = 0;         ///< so many of the headers stand before date and server
};

/// Renders heads. One per thread, for its cached Date.
///
/// Order as uvicorn's: status line, date, server, Options::headers, content-length (unless it is among the headers),
/// the headers as given, connection, transfer-encoding. A Connection field that is given is sent as it is, and
/// completed by the server's where it does not say what will happen (close wins where both are said: RFC 9112, 9.3).
/// Framing is the server's to decide: a Transfer-Encoding that does not say the same is left out.
class ResponseWriter {
 public:
  explicit ResponseWriter(const Options& options);

  /// `fields` belongs to `headers`, and is valid.
  void write_head(runtime::Buffer& out, const ResponseHead& head, std::span<const Header> headers,
                  const ResponseFields& fields);
  /// The head of an answer to a WebSocket handshake that is refused, as the package websockets spells it: the headers
  /// as given, then, where they are not among them, Date, Connection, Content-Length and Content-Type.
  void write_refusal(runtime::Buffer& out, int status, std::uint64_t length, std::span<const Header> headers,
                     const ResponseFields& fields);

 private:
  std::string_view status_line(int status) noexcept;

  DateLine date_;
  bool date_header_;
  std::string server_line_;                    // "" where switched off
  std::string own_lines_;                      // Options::headers
  std::array<std::string, 500> status_lines_;  // by status - 100
};

/// A chunk's framing: size line before, CRLF after.
void write_chunk_size(runtime::Buffer& out, std::size_t size);
/// The last chunk, its trailer section and the end.
void write_last_chunk(runtime::Buffer& out, std::span<const Header> trailers);

}  // namespace data_bridge::http::h1
