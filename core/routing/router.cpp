// Routing a request once, when its head is complete, and answering it when its body is.
#include "routing/router.hpp"

#include <array>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#include "routing/percent.hpp"
#include "routing/redirect.hpp"

namespace data_bridge::routing {
namespace {

constexpr std::string_view kJson = "application/json";
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

Router::Router(std::shared_ptr<CurrentRoutes> routes, SchemeOf scheme_of)
    : routes_(std::move(routes)), scheme_of_(std::move(scheme_of)) {}

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
  storage += encoded ? decode_path(raw) : raw;
  return storage;
}

Router::Decision Router::decide(const RouteTable& table, std::string_view method, std::string_view path) {
  Decision decision{.version = 0, .route = RouteTable::kNone, .outcome = Outcome::kNotFound};
  const std::string_view route_path = table.route_path(path);
  const RouteTable::Found found = table.find(method, route_path);
  if (found.full != RouteTable::kNone) {
    decision.route = found.full;
    decision.outcome = Outcome::kRoute;
  } else if (table.options().fallback) {
    decision.outcome = Outcome::kFallback;
  } else if (found.partial != RouteTable::kNone) {
    decision.route = found.partial;
    decision.outcome = Outcome::kMethodNotAllowed;
  } else if (table.options().redirect_slashes && route_path != "/" &&
             table.find(method, table.route_path(other_slash(table, path))).any()) {
    decision.outcome = Outcome::kRedirect;
  }
  return decision;
}

http::BodyMode Router::on_head(const http::Request& request, Scratch& scratch) {
  static_assert(std::is_trivially_copyable_v<Decision> && sizeof(Decision) <= sizeof(Scratch::bytes));
  refresh();
  std::string storage;
  Decision decision = decide(*table_, request.method, scope_path(*table_, request.path, storage));
  decision.version = version_;
  std::memcpy(scratch.bytes, &decision, sizeof decision);
  switch (decision.outcome) {
    case Outcome::kRoute:
      return table_->endpoint(decision.route)->body_mode();
    case Outcome::kFallback:
      return table_->options().fallback->body_mode();
    default:
      return http::BodyMode::kStream;  // answered without waiting for a body that nobody wants
  }
}

void Router::on_request(http::Exchange& exchange, Scratch& scratch) {
  Decision decision{};
  std::memcpy(&decision, scratch.bytes, sizeof decision);
  const http::Request& request = exchange.request();
  std::string storage;
  if (decision.version != version_) {
    // The routes were replaced while the body came in; the old table may be gone.
    decision = decide(*table_, request.method, scope_path(*table_, request.path, storage));
  }
  // An endpoint may replace the routes while it serves.
  const std::shared_ptr<const RouteTable> table = table_;

  switch (decision.outcome) {
    case Outcome::kRoute: {
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
    case Outcome::kFallback:
      table->options().fallback->serve(exchange, {});
      return;
    case Outcome::kMethodNotAllowed: {
      constexpr std::string_view kBody = R"({"detail":"Method Not Allowed"})";
      const std::string length = std::to_string(kBody.size());
      // The order of a FastAPI answer to an HTTPException with headers.
      const std::array<http::Header, 3> headers{http::Header{"allow", table->allow(decision.route)},
                                                http::Header{"content-length", length},
                                                http::Header{"content-type", kJson}};
      exchange.respond(405, headers, kBody);
      return;
    }
    case Outcome::kRedirect:
      redirect(exchange, *table, scope_path(*table, request.path, storage));
      return;
    case Outcome::kNotFound:
      exchange.respond(404, kJson, R"({"detail":"Not Found"})");
      return;
  }
}

void Router::redirect(http::Exchange& exchange, const RouteTable& table, std::string_view path) const {
  const std::string target = other_slash(table, path);
  const http::Request& request = exchange.request();
  const std::string location = redirect_location({
      .scheme = scheme_of_ ? scheme_of_(exchange) : std::string_view("http"),
      .path = target,
      .query = request.query,
      .host = request.header("host"),
      .server_host = exchange.server_port() == 0 ? std::string_view() : exchange.server_host(),
      .server_port = exchange.server_port(),
  });
  const std::array<http::Header, 2> headers{http::Header{"content-length", "0"}, http::Header{"location", location}};
  exchange.respond(307, headers, {});
}

}  // namespace data_bridge::routing
