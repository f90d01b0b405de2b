// The way of WebSocket handshakes to the ASGI application.
#pragma once

#include <memory>
#include <utility>

#include "bridge/app_context.hpp"
#include "routing/endpoint.hpp"

namespace data_bridge::bridge {

/// Refuses what is no handshake, and runs the ASGI application, with all of its middleware, for what is one.
class WebSocketEndpoint final : public routing::Endpoint, public std::enable_shared_from_this<WebSocketEndpoint> {
 public:
  explicit WebSocketEndpoint(std::shared_ptr<AppContext> app) noexcept : app_(std::move(app)) {}

  /// A body is none of a handshake's: nobody waits for it.
  [[nodiscard]] http::BodyMode body_mode() const noexcept override { return http::BodyMode::kStream; }
  void serve(http::Exchange& exchange, routing::PathParameters parameters) override;

 private:
  std::shared_ptr<AppContext> app_;
};

}  // namespace data_bridge::bridge
