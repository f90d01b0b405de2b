// The endpoint through which every request that is not served natively or by a compiled route goes.
#pragma once

#include "bridge/app_context.hpp"
#include "routing/endpoint.hpp"

namespace data_bridge::bridge {

/// Runs the ASGI application for each request, with a streaming body.
class AsgiEndpoint final : public routing::Endpoint {
 public:
  explicit AsgiEndpoint(AppContext& app) noexcept : app_(app) {}

  [[nodiscard]] http::BodyMode body_mode() const noexcept override { return http::BodyMode::kStream; }
  void serve(http::Exchange& exchange, routing::PathParameters parameters) override;

 private:
  AppContext& app_;
};

}  // namespace data_bridge::bridge
