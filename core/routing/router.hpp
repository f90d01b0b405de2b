// The handler of a server: finds the route of a request and lets its endpoint answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "http/handler.hpp"
#include "routing/route_table.hpp"

namespace data_bridge::routing {

/// The table in force; shared by the Routers of all threads. Thread-safe.
class CurrentRoutes {
 public:
  explicit CurrentRoutes(std::shared_ptr<const RouteTable> table);

  /// Puts `table` in force for all requests whose head has not been seen yet. The old table, with its endpoints, is
  /// released by the last Router that still holds it, on that Router's thread.
  void replace(std::shared_ptr<const RouteTable> table);
  /// Grows with every replace(); never 0.
  [[nodiscard]] std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }
  /// The table and its version, consistent.
  struct Snapshot {
    std::shared_ptr<const RouteTable> table;
    std::uint64_t version = 0;
  };
  [[nodiscard]] Snapshot snapshot() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const RouteTable> table_;
  std::atomic<std::uint64_t> version_{1};
};

/// The http::Handler of one thread (one per Connections), so that a request finds the table without touching
/// anything that another thread writes: a version is compared, a table only fetched when it has changed.
class Router final : public http::Handler {
 public:
  explicit Router(std::shared_ptr<CurrentRoutes> routes);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;
  Router(Router&&) = delete;
  Router& operator=(Router&&) = delete;
  ~Router();

  http::BodyMode on_head(const http::Request& request, Scratch& scratch) override;
  std::shared_ptr<const void> keep(const Scratch& scratch) override;
  void on_request(http::Exchange& exchange, Scratch& scratch) override;

 private:
  enum class Resolution : std::uint8_t { kRoute, kNotFound, kMethodNotAllowed, kRedirect, kWebSocket };
  /// What on_head() leaves in the scratch for on_request(); owns nothing, because a request may never get that far.
  struct Decision {
    const RouteTable* table;  ///< that decided: how the body is read and who gets it must come from the same one
    std::uint32_t route;
    Resolution resolution;
  };

  /// scope["path"] as a view of `raw`, or of `storage` where it had to be decoded.
  [[nodiscard]] static std::string_view scope_path(const RouteTable& table, std::string_view raw, std::string& storage);
  [[nodiscard]] static Decision decide(const RouteTable& table, const http::Request& request);
  void refresh();

  std::shared_ptr<CurrentRoutes> routes_;
  std::shared_ptr<const RouteTable> table_;
  std::uint64_t version_ = 0;
  std::vector<std::string_view> overflow_;  ///< parameters of a route that has more than fit on the stack
};

}  // namespace data_bridge::routing
