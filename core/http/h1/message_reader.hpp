// For tests and fuzzers: reads one request from bytes that arrive in pieces, and says what was understood.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/h1/chunked.hpp"
#include "http/h1/parser.hpp"

namespace data_bridge::http::h1 {

struct Reading {
  enum class End : std::uint8_t { kIncomplete, kComplete, kRejected };

  End end = End::kIncomplete;
  ParseError error = ParseError::kNone;
  std::string head;  ///< everything in the Request, as text
  std::string body;
  std::size_t size = 0;  ///< with kComplete: bytes of the message

  bool operator==(const Reading&) const = default;
};

inline std::string describe(const Request& request) {
  std::string text;
  const auto line = [&text](std::string_view name, std::string_view value) {
    text.append(name).append("=").append(value).append("\n");
  };
  line("method", request.method);
  line("target", request.target);
  line("path", request.path);
  line("query", request.query);
  line("host", request.host);
  line("version", request.version == Version::kHttp11 ? "1.1" : "1.0");
  line("keep_alive", request.keep_alive ? "yes" : "no");
  line("expects_continue", request.expects_continue ? "yes" : "no");
  line("asks_upgrade", request.asks_upgrade ? "yes" : "no");
  line("chunked", request.chunked ? "yes" : "no");
  line("content_length", request.content_length ? std::to_string(*request.content_length) : "none");
  for (const Header& field : request.headers) line(field.name, field.value);
  return text;
}

/// Reads `bytes` as a connection does that gets them in reads ending at each of `cuts` (ascending), and at their end.
/// Each read sees a copy of exactly its bytes, so that AddressSanitizer sees a look beyond them.
inline Reading read_message(HeadParser& parser, const Limits& limits, std::string_view bytes,
                            std::span<const std::size_t> cuts) {
  Reading reading;
  HeadProgress progress;
  std::size_t read_before = 0;
  std::uint64_t remaining = 0;
  bool chunked = false;
  bool in_body = false;
  ChunkedDecoder decoder(limits);
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : bytes.size();
    std::size_t body_begin = read_before;
    if (!in_body) {
      const std::string copy(bytes.substr(0, end));
      switch (parser.parse(copy, progress)) {
        case HeadParser::Outcome::kIncomplete:
          read_before = end;
          continue;
        case HeadParser::Outcome::kRejected:
          reading.end = Reading::End::kRejected;
          reading.error = parser.error();
          return reading;
        case HeadParser::Outcome::kComplete:
          break;
      }
      reading.head = describe(parser.request());
      chunked = parser.request().chunked;
      remaining = parser.request().content_length.value_or(0);
      body_begin = parser.size();
      in_body = true;
    }
    const std::string copy(bytes.substr(body_begin, end - body_begin));
    std::string_view input = copy;
    if (!chunked) {
      const std::string_view piece =
          input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining, input.size())));
      reading.body.append(piece);
      remaining -= piece.size();
      if (remaining == 0) {
        reading.end = Reading::End::kComplete;
        reading.size = body_begin + piece.size();
        return reading;
      }
    } else {
      for (;;) {
        std::string_view piece;
        const ChunkedDecoder::Outcome outcome = decoder.decode(input, piece);
        if (outcome == ChunkedDecoder::Outcome::kData) {
          reading.body.append(piece);
          continue;
        }
        if (outcome == ChunkedDecoder::Outcome::kRejected) {
          reading.end = Reading::End::kRejected;
          reading.error = decoder.error();
          return reading;
        }
        if (outcome == ChunkedDecoder::Outcome::kDone) {
          reading.end = Reading::End::kComplete;
          reading.size = end - input.size();
          return reading;
        }
        break;
      }
    }
    read_before = end;
  }
  return reading;
}

}  // namespace data_bridge::http::h1
