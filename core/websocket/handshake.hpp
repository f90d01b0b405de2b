// The two fields by which client and server know that both speak WebSocket (RFC 6455, 4.2).
#pragma once

#include <string>
#include <string_view>

namespace data_bridge::websocket {

/// Sec-WebSocket-Key: 16 bytes in base64 (RFC 6455, 4.2.1).
[[nodiscard]] bool is_key(std::string_view key) noexcept;
/// Sec-WebSocket-Accept for a key (RFC 6455, 4.2.2).
[[nodiscard]] std::string accept_key(std::string_view key);

}  // namespace data_bridge::websocket
