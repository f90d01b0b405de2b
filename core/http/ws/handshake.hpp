// The opening handshake (RFC 6455, 4.2), on the request that asks for it.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "http/exchange.hpp"
#include "http/request.hpp"
#include "websocket/extensions.hpp"

namespace data_bridge::http::ws {

/// A request that wants to go on as a WebSocket connection: Upgrade has the protocol "websocket", and Connection the
/// option "upgrade".
[[nodiscard]] bool is_handshake(const Request& request) noexcept;

/// What the answer to a good handshake says, unless the application refuses it.
struct Handshake {
  std::string accept;  ///< Sec-WebSocket-Accept
  std::optional<websocket::Agreement> deflate;
};

/// Why a handshake is none. Texts are those of the package websockets.
struct BadHandshake {
  int status = 400;
  std::string what;

  void answer(Exchange& exchange) const;
};

/// `deflate`: permessage-deflate may be agreed on.
[[nodiscard]] std::expected<Handshake, BadHandshake> read_handshake(const Request& request, bool deflate);

}  // namespace data_bridge::http::ws
