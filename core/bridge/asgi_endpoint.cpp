// Hands a request to the ASGI application, or gives the answer that it would give.
#include "bridge/asgi_endpoint.hpp"

#include <memory>
#include <optional>
#include <utility>

#include "bridge/call.hpp"
#include "bridge/scope.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

class AsgiCall final : public Call {
 public:
  AsgiCall(std::shared_ptr<AppContext> app, http::Exchange& exchange) : Call(std::move(app), exchange, Body::kStream) {}

 private:
  PyRef begin() override { return application_coroutine(); }
};

class UnmatchedCall final : public Call {
 public:
  UnmatchedCall(std::shared_ptr<AppContext> app, http::Exchange& exchange, std::shared_ptr<PlanGuard> guard,
                std::shared_ptr<PlanGuard::Generation> generation, routing::Unmatched unmatched)
      : Call(std::move(app), exchange, Body::kLater),
        guard_(std::move(guard)),
        generation_(std::move(generation)),
        unmatched_(std::move(unmatched)) {}

 private:
  PyRef begin() override {
    if (!guard_->valid(*generation_)) return application_coroutine();
    const std::optional<std::string> scheme = request_scheme(app(), incoming());
    if (!scheme) return {};
    const http::Request& request = incoming().request->head();
    const bool tcp = incoming().server.family != runtime::SocketAddress::Family::kUnix;
    const std::string server_host = tcp ? incoming().server.host() : std::string();
    const routing::UnmatchedAnswer answer(unmatched_, {.scheme = *scheme,
                                                       .query = request.query,
                                                       .host = request.header("host"),
                                                       .server_host = server_host,
                                                       .server_port = incoming().server.port});
    app().counters.unmatched.fetch_add(1, std::memory_order_relaxed);
    respond(answer.status(), answer.headers(), answer.body());
    return {};
  }

  std::shared_ptr<PlanGuard> guard_;
  std::shared_ptr<PlanGuard::Generation> generation_;
  routing::Unmatched unmatched_;
};

}  // namespace

void AsgiEndpoint::serve(http::Exchange& exchange, routing::PathParameters /*parameters*/) {
  Call::start<AsgiCall>(app_, exchange);
}

void AppUnmatchedEndpoint::serve(http::Exchange& exchange, const routing::Unmatched& unmatched) {
  if (guard_ != nullptr) {
    Call::start<UnmatchedCall>(app_, exchange, guard_, generation_, unmatched);
  } else {
    Call::start<AsgiCall>(app_, exchange);
  }
}

}  // namespace data_bridge::bridge
