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
  AsgiCall(AppContext& app, std::shared_ptr<const void> endpoint, http::Exchange& exchange)
      : Call(app, std::move(endpoint), exchange, Body::kStream) {}

 private:
  PyRef begin() override { return application_coroutine(); }
};

class UnmatchedCall final : public Call {
 public:
  UnmatchedCall(AppContext& app, const std::shared_ptr<AppUnmatchedEndpoint>& endpoint, http::Exchange& exchange,
                routing::Unmatched unmatched)
      : Call(app, endpoint, exchange, Body::kLater), endpoint_(*endpoint), unmatched_(std::move(unmatched)) {}

 private:
  PyRef begin() override {
    if (!endpoint_.valid()) return application_coroutine();
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

  AppUnmatchedEndpoint& endpoint_;  // which the call keeps
  routing::Unmatched unmatched_;
};

}  // namespace

void AsgiEndpoint::serve(http::Exchange& exchange, routing::PathParameters /*parameters*/) {
  Call::start<AsgiCall>(*app_, shared_from_this(), exchange);
}

void AppUnmatchedEndpoint::serve(http::Exchange& exchange, const routing::Unmatched& unmatched) {
  if (guard_ != nullptr) {
    Call::start<UnmatchedCall>(*app_, shared_from_this(), exchange, unmatched);
  } else {
    Call::start<AsgiCall>(*app_, shared_from_this(), exchange);
  }
}

}  // namespace data_bridge::bridge
