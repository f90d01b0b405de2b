// Why a connection closes: codes, reasons, the payload of a close frame (RFC 6455, 5.5.1 and 7.4).
#include "websocket/close.hpp"

#include <cstddef>

#include "websocket/utf8_stream.hpp"

namespace data_bridge::websocket {
namespace {

/// What a UnicodeDecodeError says of `text`, which is no UTF-8: clients read it as a reason.
std::string utf8_error(std::string_view text) {
  std::size_t start = 0;  // of the sequence at hand
  Utf8Stream sequence;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (sequence.complete()) start = i;
    if (sequence.take(text.substr(i, 1))) continue;
    const char* const what = i == start ? "invalid start byte" : "invalid continuation byte";
    return what + std::string(" at position ") + std::to_string(start);
  }
  return "unexpected end of data at position " + std::to_string(start);
}

}  // namespace

bool may_be_sent(std::int64_t code) noexcept {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

std::optional<Close> read_close(std::string_view payload, Failure& failure) {
  if (payload.empty()) return Close{};
  if (payload.size() == 1) {
    failure = {.code = CloseCode::kProtocolError, .reason = "close frame too short"};
    return std::nullopt;
  }
  const auto high = static_cast<unsigned char>(payload[0]);
  const auto low = static_cast<unsigned char>(payload[1]);
  const auto code = static_cast<std::uint16_t>(high << 8U | low);
  const std::string_view reason = payload.substr(2);
  Utf8Stream text;
  if (!text.take(reason) || !text.complete()) {
    failure = {.code = CloseCode::kInvalidPayload, .reason = utf8_error(reason)};
    return std::nullopt;
  }
  if (!may_be_sent(code)) {
    failure = {.code = CloseCode::kProtocolError, .reason = "invalid status code"};
    return std::nullopt;
  }
  return Close{.code = code, .reason = std::string(reason)};
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
  std::string payload{static_cast<char>(code >> 8U), static_cast<char>(code & 0xffU)};
  return payload.append(reason);
}

}  // namespace data_bridge::websocket
