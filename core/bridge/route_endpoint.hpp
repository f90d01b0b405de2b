// The endpoint of a compiled FastAPI route.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "bridge/app_context.hpp"
#include "bridge/route_plan.hpp"
#include "routing/endpoint.hpp"

namespace data_bridge::bridge {

/// Whether an application is still what its routes were compiled from. Asks Python at most every
/// few milliseconds. On the loop's thread, with the GIL.
class PlanGuard {
 public:
  /// `still_valid`: () -> bool (compiler.py); may start a recompilation.
  explicit PlanGuard(PyObject* still_valid) : still_valid_(pyloop::PyRef::borrow(still_valid)) {}
  bool valid();

 private:
  pyloop::PyRef still_valid_;
  std::chrono::steady_clock::time_point next_check_{};
  bool valid_ = true;
};

/// Runs a RoutePlan for each request; whatever the plan leaves alone goes to the ASGI application.
class RouteEndpoint final : public routing::Endpoint, public std::enable_shared_from_this<RouteEndpoint> {
 public:
  RouteEndpoint(AppContext& app, std::shared_ptr<PlanGuard> guard, RoutePlan plan)
      : app_(app), guard_(std::move(guard)), plan_(std::move(plan)) {}
  /// Takes the GIL: the last owner of a route table may be an I/O thread.
  ~RouteEndpoint() override;

  void serve(http::Exchange& exchange, routing::PathParameters parameters) override;

  [[nodiscard]] const RoutePlan& plan() const noexcept { return *plan_; }
  [[nodiscard]] PlanGuard& guard() noexcept { return *guard_; }

 private:
  AppContext& app_;
  std::shared_ptr<PlanGuard> guard_;
  std::optional<RoutePlan> plan_;
};

}  // namespace data_bridge::bridge
