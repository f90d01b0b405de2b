// Why a request is refused before any handler sees it.
#pragma once

#include <cstdint>

namespace data_bridge::http::h1 {

enum class ParseError : std::uint8_t {
  kNone,
  kRequestLine,       ///< not `method SP target SP HTTP/d.d CRLF`
  kTarget,            ///< a target of the wrong form for its method
  kTargetTooLong,     ///< 414
  kVersion,           ///< a major version other than 1: 505
  kConnect,           ///< a tunnel, which this server does not make: 405
  kFieldLine,         ///< not `token ":" value CRLF`; obs-fold, bare CR or LF, control characters
  kHeadTooLarge,      ///< 431
  kHost,              ///< missing, twice, malformed, or not the target's authority
  kContentLength,     ///< anything but one plain number
  kTransferEncoding,  ///< anything that two readers could read in two ways
  kUnknownCoding,     ///< a single transfer coding that is not `chunked`: 501
  kAmbiguousField,    ///< a framing field in disguise (`content_length`)
  kChunk,             ///< broken chunked framing
  kTrailer,           ///< a trailer field that must not be one
  kBodyTooLarge,      ///< 413
};

/// The status to answer with.
[[nodiscard]] constexpr int status_of(ParseError error) noexcept {
  switch (error) {
    case ParseError::kTargetTooLong:
      return 414;
    case ParseError::kVersion:
      return 505;
    case ParseError::kConnect:
      return 405;
    case ParseError::kHeadTooLarge:
      return 431;
    case ParseError::kUnknownCoding:
      return 501;
    case ParseError::kBodyTooLarge:
      return 413;
    default:
      return 400;
  }
}

}  // namespace data_bridge::http::h1
