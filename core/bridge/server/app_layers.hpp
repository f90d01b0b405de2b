// An application's own middleware where all of it is known: native layers around what is answered without it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bridge/app_context.hpp"
#include "bridge/compiled/watch.hpp"
#include "http/layer.hpp"
#include "middleware/answering_layer.hpp"
#include "routing/endpoint.hpp"

namespace data_bridge::bridge {

/// One of the three.
struct AppLayer {
  std::shared_ptr<middleware::AnsweringLayer> answering{};
  std::shared_ptr<http::Layer> passive{};       ///< never answers by itself
  std::optional<std::string> session_cookie{};  ///< SessionMiddleware: the name of its cookie
};

enum class Around : std::uint8_t { kCompiledRoutes, kAllElse };

/// The pipeline for the routes of `guard`'s present generation; null without layers. What a layer answers itself is
/// answered by `application` where the watch has seen a change, and where the layer is not sure.
///
/// What the application answers itself has passed its middleware in Python and leaves these layers again, be it all of
/// a bridged request or the outcome of a compiled one that goes to FastAPI's own layers.
[[nodiscard]] std::shared_ptr<const http::Pipeline> make_app_pipeline(
    const std::vector<AppLayer>& layers, Around around, const std::shared_ptr<AppContext>& app,
    const std::shared_ptr<PlanGuard>& guard, const std::shared_ptr<routing::Endpoint>& application);

}  // namespace data_bridge::bridge
