// The endpoint of a compiled FastAPI route.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "bridge/app_context.hpp"
#include "bridge/route_plan.hpp"
#include "bridge/route_watch.hpp"
#include "routing/endpoint.hpp"

namespace data_bridge::bridge {

/// Runs a RoutePlan for each request; whatever the plan leaves alone goes to the ASGI application.
class RouteEndpoint final : public routing::Endpoint, public std::enable_shared_from_this<RouteEndpoint> {
 public:
  RouteEndpoint(AppContext& app, PlanGuard& guard, RoutePlan plan)
      : app_(app),
        guard_(guard),
        generation_(guard.generation()),
        plan_(std::make_unique<RoutePlan>(std::move(plan))) {}
  /// Takes the GIL: the last owner of a route table may be an I/O thread.
  ~RouteEndpoint() override;

  void serve(http::Exchange& exchange, routing::PathParameters parameters) override;

  [[nodiscard]] const RoutePlan& plan() const noexcept { return *plan_; }
  /// Whether the application still is what the plan was read from. On the loop's thread, with the GIL.
  [[nodiscard]] bool current() noexcept { return guard_.valid(generation_); }

 private:
  AppContext& app_;
  PlanGuard& guard_;
  std::uint64_t generation_;
  std::unique_ptr<RoutePlan> plan_;
};

}  // namespace data_bridge::bridge
