// Hands a request to the ASGI application.
#include "bridge/asgi_endpoint.hpp"

#include <memory>

#include "bridge/call.hpp"

namespace data_bridge::bridge {

namespace {

class AsgiCall final : public Call {
 public:
  AsgiCall(AppContext& app, http::Exchange& exchange)
      : Call(app, exchange), inbox_(std::make_shared<BodyInbox>(app.core)) {
    if (!exchange.request().has_body()) inbox_->set_whole_body({});
    inbox_->attach(exchange);
  }

 private:
  pyloop::PyRef begin() override { return application_coroutine(); }
  void destroy() noexcept override { delete this; }
  std::shared_ptr<BodyInbox> inbox() override { return inbox_; }

  std::shared_ptr<BodyInbox> inbox_;
};

}  // namespace

void AsgiEndpoint::serve(http::Exchange& exchange, routing::PathParameters /*parameters*/) {
  Call::submit(*new AsgiCall(app_, exchange));
}

}  // namespace data_bridge::bridge
