// The head of an HTTP/1.x request, strictly (RFC 9112).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "http/h1/parse_error.hpp"
#include "http/limits.hpp"
#include "http/request.hpp"

namespace data_bridge::http::h1 {

/// How far an incomplete head was looked at, so that bytes that trickle in are not read over and over.
/// Offsets from the head's first byte; the bytes before `scanned` must not change until the next parse().
struct HeadProgress {
  enum class Place : std::uint8_t { kRequestLine, kLineStart, kName, kValue };

  std::uint32_t line = 0;     ///< where the unfinished line begins
  std::uint32_t scanned = 0;  ///< in kName and kValue, and in the request line's target: the next byte to look at
  std::uint16_t fields = 0;
  Place place = Place::kRequestLine;
  bool skipped_empty_line = false;
};

/// Parses heads where they lie. One per thread: it owns the field array that Request::headers points to, which
/// the next parse() overwrites.
///
/// Whatever two recipients could understand differently is refused. Errors of syntax are found with the byte
/// that makes them, errors of meaning at the end of the head: the result does not depend on how the
/// bytes were cut into reads.
class HeadParser {
 public:
  explicit HeadParser(const Limits& limits);

  enum class Outcome : std::uint8_t { kIncomplete, kComplete, kRejected };

  /// Reads a head at the beginning of `bytes`. With kIncomplete call again with more bytes behind the same ones.
  /// A Progress{} begins a head.
  Outcome parse(std::string_view bytes, HeadProgress& progress);

  /// After kComplete: views into the parsed bytes and into this parser.
  [[nodiscard]] const Request& request() const noexcept { return request_; }
  /// After kComplete: the head's size, with the empty line.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// After kRejected.
  [[nodiscard]] ParseError error() const noexcept { return error_; }

 private:
  enum class Field : std::uint8_t;

  Outcome scan(std::string_view bytes, HeadProgress& progress);
  Outcome scan_request_line(const char* begin, const char*& cursor, const char* end, HeadProgress& progress);
  Outcome scan_field(const char* begin, const char*& cursor, const char* end, HeadProgress& progress);
  Outcome check_target() noexcept;
  Outcome check_meaning() noexcept;
  Outcome check_host() noexcept;
  void note(std::string_view name, std::string_view value) noexcept;
  Outcome reject(ParseError error) noexcept;

  Limits limits_;
  Request request_;
  std::vector<Header> fields_;
  std::size_t size_ = 0;
  ParseError error_ = ParseError::kNone;

  // What the fields seen so far said, judged at the end of the head.
  struct Seen {
    unsigned hosts = 0;
    unsigned content_lengths = 0;
    unsigned transfer_encodings = 0;
    std::string_view host;
    std::string_view content_length;
    std::string_view transfer_encoding;
    bool disguised = false;
    bool close = false;
    bool keep_alive = false;
    bool expects_continue = false;
    bool upgrade = false;
    bool upgrade_option = false;  // of Connection
  };
  Seen seen_;
  std::string_view authority_;  // of an absolute target
  char version_minor_ = '1';
  char version_major_ = '1';
};

/// True for `host[:port]` as in a Host field, without user information.
[[nodiscard]] bool valid_authority(std::string_view text) noexcept;

}  // namespace data_bridge::http::h1
