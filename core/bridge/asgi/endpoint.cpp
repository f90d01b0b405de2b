// Hands a request to the ASGI application, or gives the answer that it would give.
#include "bridge/asgi/endpoint.hpp"

#include <memory>
#include <optional>
#include <utility>

#include "bridge/asgi/scope.hpp"
#include "bridge/run.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

class AsgiRun final : public Run {
 public:
  AsgiRun(AppContext& app, std::shared_ptr<const void> endpoint, http::Exchange& exchange,
          std::chrono::milliseconds timeout = std::chrono::milliseconds(0))
      : Run(app, std::move(endpoint), exchange, Conversation::Body::kStream, timeout) {}

 private:
  PyRef begin() override { return application_coroutine(); }
};

class UnmatchedRun final : public Run {
 public:
  UnmatchedRun(AppContext& app, const std::shared_ptr<AppUnmatchedEndpoint>& endpoint, http::Exchange& exchange,
               routing::Unmatched unmatched)
      : Run(app, endpoint, exchange, Conversation::Body::kLater),
        endpoint_(*endpoint),
        unmatched_(std::move(unmatched)) {}

 private:
  PyRef begin() override {
    if (!endpoint_.valid()) return application_coroutine();
    const std::optional<std::string> scheme = request_scheme(app(), conversation());
    if (!scheme) return {};
    const http::Request& request = conversation().request().head();
    const bool tcp = conversation().server().family != runtime::SocketAddress::Family::kUnix;
    const std::string server_host = tcp ? conversation().server().host() : std::string();
    const routing::UnmatchedAnswer answer(unmatched_, {.scheme = *scheme,
                                                       .query = request.query,
                                                       .host = request.header("host"),
                                                       .server_host = server_host,
                                                       .server_port = conversation().server().port});
    app().counters.unmatched.fetch_add(1, std::memory_order_relaxed);
    log_access(answer.status());
    conversation().respond(answer.status(), answer.headers(), answer.body());
    return {};
  }

  AppUnmatchedEndpoint& endpoint_;  // which the run keeps
  routing::Unmatched unmatched_;
};

}  // namespace

void AsgiEndpoint::serve(http::Exchange& exchange, routing::PathParameters /*parameters*/) {
  Run::start<AsgiRun>(*app_, shared_from_this(), exchange, timeout_);
}

void AppUnmatchedEndpoint::serve(http::Exchange& exchange, const routing::Unmatched& unmatched) {
  if (guard_ != nullptr) {
    Run::start<UnmatchedRun>(*app_, shared_from_this(), exchange, unmatched);
  } else {
    Run::start<AsgiRun>(*app_, shared_from_this(), exchange);
  }
}

}  // namespace data_bridge::bridge
