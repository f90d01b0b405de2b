// All routes of an application, compiled for finding in Starlette's order without a scan.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/layer.hpp"
#include "routing/endpoint.hpp"
#include "routing/path_pattern.hpp"
#include "routing/unmatched.hpp"

namespace data_bridge::routing {

/// One route, as Starlette or FastAPI declares it.
struct RouteSpec {
  std::string path;  ///< the template, with all prefixes
  std::vector<std::string>
      methods{};  ///< exact; empty: any. A starlette Route lists HEAD beside GET, an APIRoute does not
  std::shared_ptr<Endpoint> endpoint{};
  std::string allow{};  ///< the value of Allow in a 405 of this route; the order is Starlette's affair
  std::shared_ptr<const http::Pipeline> layers{};  ///< around its answers, within those of the connection; null: none
};

/// What the routes of a table have in common.
struct RoutingOptions {
  bool redirect_slashes = true;
  /// Answers what no route does. Never null.
  std::shared_ptr<UnmatchedEndpoint> unmatched = std::make_shared<UnmatchedEndpoint>();
  /// Answers every WebSocket handshake, whatever its path; null: a handshake is a request as any other.
  std::shared_ptr<Endpoint> websocket{};
  /// Around these answers, within those of the connection; null: none.
  std::shared_ptr<const http::Pipeline> layers{};
  /// What the server puts before every path (uvicorn's --root-path).
  std::string server_root_path{};
  /// scope["root_path"]: taken off before matching where the path starts with it and a slash.
  std::string root_path{};
};

/// What of scope["path"] is matched where scope["root_path"] is `root_path`: starlette._utils.get_route_path().
[[nodiscard]] std::string_view route_path(std::string_view path, std::string_view root_path) noexcept;

/// Finds routes. Immutable and shared by all threads; made by a Builder.
class RouteTable {
 public:
  class Builder;

  static constexpr std::uint32_t kNone = UINT32_MAX;

  /// The route that answers, by its place in the order of declaration.
  struct Found {
    std::uint32_t full = kNone;     ///< the first that matches path and method
    std::uint32_t partial = kNone;  ///< where `full` is kNone: the first that matches the path alone
    [[nodiscard]] bool any() const noexcept { return full != kNone || partial != kNone; }
  };

  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;
  RouteTable(RouteTable&&) = delete;
  RouteTable& operator=(RouteTable&&) = delete;
  ~RouteTable();

  /// `route_path`: decoded, valid UTF-8, without root_path (see route_path()).
  [[nodiscard]] Found find(std::string_view method, std::string_view route_path) const;
  /// The parameters of a route that find() found for this path: the number of values written to `values`, which
  /// must have max_parameters() places. They are views into `route_path`.
  [[nodiscard]] std::size_t parameters(std::uint32_t route, std::string_view route_path,
                                       std::span<std::string_view> values) const;

  /// With the root_path of its options.
  [[nodiscard]] std::string_view route_path(std::string_view path) const noexcept;

  [[nodiscard]] const std::shared_ptr<Endpoint>& endpoint(std::uint32_t route) const noexcept;
  [[nodiscard]] std::string_view allow(std::uint32_t route) const noexcept;
  [[nodiscard]] const std::shared_ptr<const http::Pipeline>& layers(std::uint32_t route) const noexcept;
  [[nodiscard]] const RoutingOptions& options() const noexcept { return options_; }
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] std::size_t max_parameters() const noexcept { return max_parameters_; }

 private:
  struct Route;
  struct Node;
  class Search;

  explicit RouteTable(RoutingOptions options);

  RoutingOptions options_;
  std::vector<Route> routes_;
  std::unique_ptr<Node> root_;
  std::uint32_t first_opaque_ = kNone;
  std::size_t max_parameters_ = 0;
};

/// Collects routes in the order of their declaration.
class RouteTable::Builder {
 public:
  explicit Builder(RoutingOptions options = {});
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;
  Builder(Builder&&) = delete;
  Builder& operator=(Builder&&) = delete;
  ~Builder();

  /// Returns the route's place in the order. An error names what the template has that cannot be compiled (a custom
  /// convertor); nothing was added then, and the caller adds an opaque entry in its place.
  std::expected<std::uint32_t, std::string> add(RouteSpec route);
  /// An entry that may match any path and method (Host, custom route classes): whatever no earlier route
  /// matches fully goes to `endpoint`, without parameters.
  std::uint32_t add_opaque(std::shared_ptr<Endpoint> endpoint, std::shared_ptr<const http::Pipeline> layers = {});
  /// The finished table; the builder is empty afterwards.
  [[nodiscard]] std::shared_ptr<const RouteTable> build();

 private:
  std::unique_ptr<RouteTable> table_;
};

}  // namespace data_bridge::routing
