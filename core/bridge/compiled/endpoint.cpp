// Hands a request to a compiled route.
#include "bridge/compiled/endpoint.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bridge/compiled/arguments.hpp"
#include "bridge/compiled/frame.hpp"
#include "bridge/run.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

class RouteRun final : public Run {
 public:
  RouteRun(AppContext& app, const std::shared_ptr<RouteEndpoint>& endpoint, http::Exchange& exchange,
           routing::PathParameters parameters)
      : Run(app, endpoint, exchange, Conversation::Body::kWhole),
        endpoint_(*endpoint),
        path_values_(parameters.begin(), parameters.end()) {}
  ~RouteRun() override {
    if (frame_) abandon_frame(frame_.get());
  }

 private:
  PyRef begin() override {
    const RoutePlan& plan = endpoint_.plan();
    if (!endpoint_.valid(conversation().head_at())) return application_coroutine();
    std::vector<PyRef> arguments;
    arguments.reserve(plan.parameters.size() + 1);
    const http::OwnedRequest& request = conversation().request();
    if (!make_arguments(plan, request.head(), path_values_, request.body(), arguments)) {
      return application_coroutine();
    }
    app().counters.compiled.fetch_add(1, std::memory_order_relaxed);
    frame_ = make_frame(*this, plan, std::move(arguments));
    return PyRef::borrow(frame_.get());
  }

  RouteEndpoint& endpoint_;  // which the run keeps: a recompilation may replace the table while this runs
  std::vector<std::string> path_values_;
  PyRef frame_;  // it knows this run, and somebody else may keep it
};

}  // namespace

void RouteEndpoint::serve(http::Exchange& exchange, routing::PathParameters parameters) {
  Run::start<RouteRun>(*app_, shared_from_this(), exchange, parameters);
}

}  // namespace data_bridge::bridge
