// Why a connection closes: codes, reasons, the payload of a close frame (RFC 6455, 5.5.1 and 7.4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace data_bridge::websocket {

/// RFC 6455, 7.4.1.
struct CloseCode {
  static constexpr std::uint16_t kNormal = 1000;
  static constexpr std::uint16_t kProtocolError = 1002;
  static constexpr std::uint16_t kNoStatus = 1005;        ///< a close frame without a code; never sent
  static constexpr std::uint16_t kAbnormal = 1006;        ///< no close frame at all; never sent
  static constexpr std::uint16_t kInvalidPayload = 1007;  ///< text that is no UTF-8
  static constexpr std::uint16_t kMessageTooBig = 1009;
  static constexpr std::uint16_t kInternalError = 1011;
  static constexpr std::uint16_t kServiceRestart = 1012;
};

/// A close frame may carry it: 1000 to 1003, 1007 to 1014, 3000 to 4999 (RFC 6455, 7.4, and IANA's registry).
[[nodiscard]] bool may_be_sent(std::int64_t code) noexcept;

/// RFC 6455, 5.5: what is left for a reason in a control frame, behind the code.
inline constexpr std::size_t kLongestReason = 123;

struct Close {
  std::uint16_t code = CloseCode::kNoStatus;
  std::string reason;
};

/// Why a connection fails (RFC 6455, 7.1.7): what our close frame says.
struct Failure {
  std::uint16_t code = CloseCode::kProtocolError;
  std::string reason;
};

/// Reads the payload of a close frame; where it is none, `failure` says why.
[[nodiscard]] std::optional<Close> read_close(std::string_view payload, Failure& failure);
/// The payload for `code`, which may be sent, and a reason of at most kLongestReason bytes.
[[nodiscard]] std::string close_payload(std::uint16_t code, std::string_view reason);

}  // namespace data_bridge::websocket
