// The endpoint of a compiled FastAPI route.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "bridge/app_context.hpp"
#include "bridge/compiled/plan.hpp"
#include "bridge/compiled/watch.hpp"
#include "pyloop/shared_object.hpp"
#include "routing/endpoint.hpp"

namespace data_bridge::bridge {

/// dependency_overrides are in force, which a program knows nothing of. With the GIL.
bool has_overrides(const RoutePlan& plan);

/// Runs a RoutePlan for each request; whatever the plan leaves alone goes to the ASGI application.
class RouteEndpoint final : public routing::Endpoint, public std::enable_shared_from_this<RouteEndpoint> {
 public:
  /// The last owner of a route table may be an I/O thread: what holds Python's objects goes back to the loop then.
  /// `timeout`: see Run.
  RouteEndpoint(std::shared_ptr<AppContext> app, std::shared_ptr<PlanGuard> guard, RoutePlan plan,
                std::chrono::milliseconds timeout)
      : app_(std::move(app)),
        timeout_(timeout),
        guard_(std::move(guard)),
        generation_(guard_->generation()),
        plan_(pyloop::share_across_threads(std::make_unique<RoutePlan>(std::move(plan)), app_->mailbox)) {}

  [[nodiscard]] http::BodyMode body_mode() const noexcept override {
    return plan_->streams_body ? http::BodyMode::kStream : http::BodyMode::kBuffer;
  }
  void serve(http::Exchange& exchange, routing::PathParameters parameters) override;

  [[nodiscard]] const RoutePlan& plan() const noexcept { return *plan_; }
  [[nodiscard]] AppContext& app() const noexcept { return *app_; }
  [[nodiscard]] std::chrono::milliseconds timeout() const noexcept { return timeout_; }
  /// PlanGuard::valid(). On the loop's thread, with the GIL.
  [[nodiscard]] bool valid(std::optional<PlanGuard::Clock::time_point> head_at) noexcept {
    return guard_->valid(*generation_, head_at);
  }

 private:
  std::shared_ptr<AppContext> app_;
  std::chrono::milliseconds timeout_;
  std::shared_ptr<PlanGuard> guard_;
  std::shared_ptr<PlanGuard::Generation> generation_;
  std::shared_ptr<RoutePlan> plan_;
};

}  // namespace data_bridge::bridge
