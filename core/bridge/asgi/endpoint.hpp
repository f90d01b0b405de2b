// The ways to the ASGI application: of routes that are not compiled, and of requests that no route answers.
#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "bridge/app_context.hpp"
#include "bridge/compiled/watch.hpp"
#include "routing/endpoint.hpp"
#include "routing/unmatched.hpp"

namespace data_bridge::bridge {

/// Runs the ASGI application for each request, with a streaming body.
class AsgiEndpoint final : public routing::Endpoint, public std::enable_shared_from_this<AsgiEndpoint> {
 public:
  /// `timeout`: see Run.
  explicit AsgiEndpoint(std::shared_ptr<AppContext> app,
                        std::chrono::milliseconds timeout = std::chrono::milliseconds(0)) noexcept
      : app_(std::move(app)), timeout_(timeout) {}

  [[nodiscard]] http::BodyMode body_mode() const noexcept override { return http::BodyMode::kStream; }
  void serve(http::Exchange& exchange, routing::PathParameters parameters) override;

 private:
  std::shared_ptr<AppContext> app_;
  std::chrono::milliseconds timeout_;
};

/// Answers what no route does without the application's scan of its routes, once it is certain that the application
/// would give that very answer; else runs the application.
class AppUnmatchedEndpoint final : public routing::UnmatchedEndpoint,
                                   public std::enable_shared_from_this<AppUnmatchedEndpoint> {
 public:
  /// `guard`: whether the route table is in force; null where the application does not answer as Starlette does.
  AppUnmatchedEndpoint(std::shared_ptr<AppContext> app, std::shared_ptr<PlanGuard> guard) noexcept
      : app_(std::move(app)),
        guard_(std::move(guard)),
        generation_(guard_ != nullptr ? guard_->generation() : nullptr) {}

  void serve(http::Exchange& exchange, const routing::Unmatched& unmatched) override;
  /// PlanGuard::valid(), where there is a guard. On the loop's thread, with the GIL.
  [[nodiscard]] bool valid() noexcept { return guard_->valid(*generation_); }

 private:
  std::shared_ptr<AppContext> app_;
  std::shared_ptr<PlanGuard> guard_;
  std::shared_ptr<PlanGuard::Generation> generation_;
};

}  // namespace data_bridge::bridge
