// More connections or requests than an operator wants are told so, as by uvicorn's limit_concurrency.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "bridge/app_context.hpp"
#include "bridge/server/refusal_report.hpp"
#include "http/layer.hpp"
#include "http/limits.hpp"

namespace data_bridge::bridge {

/// Answers requests with 503 while there are `most` connections, that of the request among them, or as many requests
/// that Python works on.
class ConcurrencyLimit final : public http::Layer {
 public:
  ConcurrencyLimit(std::size_t most, std::shared_ptr<AppContext> app,
                   std::shared_ptr<http::ConnectionCount> connections, std::shared_ptr<RefusalReport> report) noexcept
      : most_(most), app_(std::move(app)), connections_(std::move(connections)), report_(std::move(report)) {}

  [[nodiscard]] Calls calls() const noexcept override { return {.requests = true}; }
  [[nodiscard]] bool answers(const http::Request& request) const override;
  [[nodiscard]] bool on_request(http::Exchange& exchange, std::unique_ptr<http::LayerState>& state) override;

 private:
  std::size_t most_;
  std::shared_ptr<AppContext> app_;
  std::shared_ptr<http::ConnectionCount> connections_;
  std::shared_ptr<RefusalReport> report_;
};

}  // namespace data_bridge::bridge
