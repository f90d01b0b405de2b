// Runs the ASGI application for a WebSocket connection.
#include "bridge/websocket/endpoint.hpp"

#include <memory>
#include <utility>

#include "bridge/websocket/run.hpp"
#include "http/ws/handshake.hpp"

namespace data_bridge::bridge {

void WebSocketEndpoint::serve(http::Exchange& exchange, routing::PathParameters /*parameters*/) {
  auto handshake = http::ws::read_handshake(exchange.request(), app_->websocket->per_message_deflate);
  if (!handshake) return handshake.error().answer(exchange);
  WebSocketRun::start(app_, exchange, std::move(*handshake));
}

}  // namespace data_bridge::bridge
