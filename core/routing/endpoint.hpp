// What a route leads to.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/handler.hpp"

namespace data_bridge::routing {

/// The values of a path's parameters, in the order of the template, percent-decoded.
using PathParameters = std::span<const std::string_view>;

/// Answers the requests of one route. Shared by all threads.
class Endpoint {
 public:
  virtual ~Endpoint() = default;
  [[nodiscard]] virtual http::BodyMode body_mode() const noexcept { return http::BodyMode::kBuffer; }
  /// `parameters` are valid during the call.
  virtual void serve(http::Exchange& exchange, PathParameters parameters) = 0;
};

}  // namespace data_bridge::routing
