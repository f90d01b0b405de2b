// Routing a request once, when its head is complete, and answering it when its body is.
#include "routing/router.hpp"

#include <array>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#include "http/ws/handshake.hpp"
#include "text/percent.hpp"

namespace data_bridge::routing {
namespace {

constexpr std::size_t kParametersOnStack = 16;

/// What Router.app() looks for where nothing matched `path`: one slash more, or all at the end fewer.
std::string other_slash(const RouteTable& table, std::string_view path) {
  if (!table.route_path(path).ends_with('/')) return std::string(path) + '/';
  const std::size_t last = path.find_last_not_of('/');
  return std::string(path.substr(0, last == std::string_view::npos ? 0 : last + 1));
}

}  // namespace

CurrentRoutes::CurrentRoutes(std::shared_ptr<const RouteTable> table) : table_(std::move(table)) {}

void CurrentRoutes::replace(std::shared_ptr<const RouteTable> table) {
  {
    const std::scoped_lock lock(mutex_);
    table_.swap(table);
    version_.fetch_add(1, std::memory_order_release);
  }
  // `table` is the old one now: its endpoints are destroyed outside the lock, which their destructors may want.
}

CurrentRoutes::Snapshot CurrentRoutes::snapshot() const {
  const std::scoped_lock lock(mutex_);
  return {table_, version_.load(std::memory_order_relaxed)};
}

Router::Router(std::shared_ptr<CurrentRoutes> routes) : routes_(std::move(routes)) {}

Router::~Router() = default;

void Router::refresh() {
  if (routes_->version() == version_) return;
  auto [table, version] = routes_->snapshot();
  table_.swap(table);
  version_ = version;
}

std::string_view Router::scope_path(const RouteTable& table, std::string_view raw, std::string& storage) {
  const std::string& prefix = table.options().server_root_path;
  const bool encoded = raw.find('%') != std::string_view::npos;
  if (!encoded && prefix.empty()) return raw;
  storage = prefix;
  storage += encoded ? text::decode_path(raw) : raw;
  return storage;
}

Router::Decision Router::decide(const RouteTable& table, const http::Request& request) {
  Decision decision{.table = &table, .route = RouteTable::kNone, .resolution = Resolution::kNotFound};
  if (table.options().websocket != nullptr && http::ws::is_handshake(request)) {
    decision.resolution = Resolution::kWebSocket;
    return decision;
  }
  std::string storage;
  const std::string_view path = scope_path(table, request.path, storage);
  const std::string_view method = request.method;
  const std::string_view route_path = table.route_path(path);
  const RouteTable::Found found = table.find(method, route_path);
  if (found.full != RouteTable::kNone) {
    decision.route = found.full;
    decision.resolution = Resolution::kRoute;
  } else if (found.partial != RouteTable::kNone) {
    decision.route = found.partial;
    decision.resolution = Resolution::kMethodNotAllowed;
  } else if (table.options().redirect_slashes && route_path != "/" &&
             table.find(method, table.route_path(other_slash(table, path))).any()) {
    decision.resolution = Resolution::kRedirect;
  }
  return decision;
}

http::BodyMode Router::on_head(const http::Request& request, Scratch& scratch) {
  static_assert(std::is_trivially_copyable_v<Decision> && sizeof(Decision) <= sizeof(Scratch::bytes));
  refresh();
  const Decision decision = decide(*table_, request);
  std::memcpy(scratch.bytes, &decision, sizeof decision);
  if (decision.resolution == Resolution::kWebSocket) return table_->options().websocket->body_mode();
  const bool routed = decision.resolution == Resolution::kRoute;
  if (request.has_body()) {
    const auto& layers = routed ? table_->layers(decision.route) : table_->options().layers;
    if (layers != nullptr && layers->answers(request)) return http::BodyMode::kStream;  // nobody waits for it
  }
  return routed ? table_->endpoint(decision.route)->body_mode() : table_->options().unmatched->body_mode();
}

std::shared_ptr<const void> Router::keep(const Scratch& /*scratch*/) { return table_; }

void Router::on_request(http::Exchange& exchange, Scratch& scratch) {
  Decision decision{};
  std::memcpy(&decision, scratch.bytes, sizeof decision);
  const http::Request& request = exchange.request();
  std::string storage;
  // Where the routes were replaced while the body came in, the exchange keeps the old table. The new one may be
  // replaced by the endpoint that serves.
  const std::shared_ptr<const RouteTable> in_force = table_;
  const RouteTable* const table = decision.table;

  // The layers are around answers to requests; whoever takes a connection over has all of the application's with it.
  if (decision.resolution == Resolution::kWebSocket) return table->options().websocket->serve(exchange, {});
  const bool routed = decision.resolution == Resolution::kRoute;
  const auto& layers = routed ? table->layers(decision.route) : table->options().layers;
  if (layers != nullptr && exchange.enter(layers)) return;
  switch (decision.resolution) {
    case Resolution::kRoute: {
      std::array<std::string_view, kParametersOnStack> on_stack;
      std::span<std::string_view> values = on_stack;
      if (table->max_parameters() > on_stack.size()) {
        overflow_.resize(table->max_parameters());
        values = overflow_;
      }
      const std::string_view path = table->route_path(scope_path(*table, request.path, storage));
      const std::size_t count = table->parameters(decision.route, path, values);
      table->endpoint(decision.route)->serve(exchange, values.first(count));
      return;
    }
    case Resolution::kWebSocket:
      return;
    case Resolution::kNotFound:
      table->options().unmatched->serve(exchange, NotFound{});
      return;
    case Resolution::kMethodNotAllowed:
      table->options().unmatched->serve(exchange, MethodNotAllowed{std::string(table->allow(decision.route))});
      return;
    case Resolution::kRedirect:
      table->options().unmatched->serve(exchange,
                                        SlashRedirect{other_slash(*table, scope_path(*table, request.path, storage))});
      return;
  }
}

}  // namespace data_bridge::routing
