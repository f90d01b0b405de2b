// Hands a request to a compiled route.
#include "bridge/route_endpoint.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bridge/arguments.hpp"
#include "bridge/call.hpp"
#include "bridge/route_coroutine.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

class RouteCall final : public Call {
 public:
  RouteCall(AppContext& app, const std::shared_ptr<RouteEndpoint>& endpoint, http::Exchange& exchange,
            routing::PathParameters parameters)
      : Call(app, endpoint, exchange, Body::kWhole),
        endpoint_(*endpoint),
        path_values_(parameters.begin(), parameters.end()) {}
  ~RouteCall() override {
    if (coroutine_) abandon_route_coroutine(coroutine_.get());
  }

 private:
  PyRef begin() override {
    const RoutePlan& plan = endpoint_.plan();
    if (!endpoint_.valid(incoming().head_at)) return application_coroutine();
    std::vector<PyRef> arguments;
    arguments.reserve(plan.parameters.size() + 1);
    const http::OwnedRequest& request = *incoming().request;
    if (!make_arguments(plan, request.head(), path_values_, request.body(), arguments)) {
      return application_coroutine();
    }
    app().counters.compiled.fetch_add(1, std::memory_order_relaxed);
    coroutine_ = make_route_coroutine(*this, plan, std::move(arguments));
    return PyRef::borrow(coroutine_.get());
  }

  RouteEndpoint& endpoint_;  // which the call keeps: a recompilation may replace the table while this runs
  std::vector<std::string> path_values_;
  PyRef coroutine_;  // it knows this call, and somebody else may keep it
};

}  // namespace

void RouteEndpoint::serve(http::Exchange& exchange, routing::PathParameters parameters) {
  Call::start<RouteCall>(*app_, shared_from_this(), exchange, parameters);
}

}  // namespace data_bridge::bridge
