// Native middleware under the same watch as compiled routes.
#include "bridge/server/app_layers.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "bridge/asgi/scope.hpp"
#include "bridge/run.hpp"
#include "http/exchange.hpp"
#include "middleware/session_cookie.hpp"
#include "text/percent.hpp"

namespace data_bridge::bridge {

using middleware::AnsweringLayer;
using middleware::OwnAnswer;
using pyloop::PyRef;

namespace {

class GuardedLayer final : public http::Layer, public std::enable_shared_from_this<GuardedLayer> {
 public:
  GuardedLayer(std::shared_ptr<AnsweringLayer> layer, std::shared_ptr<AppContext> app, std::shared_ptr<PlanGuard> guard,
               std::shared_ptr<routing::Endpoint> application)
      : layer_(std::move(layer)),
        app_(std::move(app)),
        guard_(std::move(guard)),
        generation_(guard_->generation()),
        application_(std::move(application)) {}

  [[nodiscard]] Calls calls() const noexcept override { return layer_->calls(); }
  [[nodiscard]] bool answers(const http::Request& request) const override {
    return request.asks_upgrade || layer_->answers(request);
  }
  [[nodiscard]] bool on_request(http::Exchange& exchange, std::unique_ptr<http::LayerState>& state) override;
  void on_head(http::EditableHead& head, http::LayerState* state) override { layer_->on_head(head, state); }

  [[nodiscard]] const AnsweringLayer& layer() const noexcept { return *layer_; }
  /// PlanGuard::valid(). On the loop's thread, with the GIL.
  [[nodiscard]] bool valid(std::optional<PlanGuard::Clock::time_point> head_at) noexcept {
    return guard_->valid(*generation_, head_at);
  }

 private:
  std::shared_ptr<AnsweringLayer> layer_;
  std::shared_ptr<AppContext> app_;
  std::shared_ptr<PlanGuard> guard_;
  std::shared_ptr<PlanGuard::Generation> generation_;
  std::shared_ptr<routing::Endpoint> application_;
};

/// Answers in the application's place, unless that is not what it was any more.
class LayerRun final : public Run {
 public:
  LayerRun(AppContext& app, const std::shared_ptr<GuardedLayer>& layer, http::Exchange& exchange)
      : Run(app, layer, exchange, Conversation::Body::kLater), layer_(*layer) {}

 private:
  PyRef begin() override {
    const http::Request& request = conversation().request().head();
    const runtime::SocketAddress& server = conversation().server();
    const bool tcp = server.family != runtime::SocketAddress::Family::kUnix;
    // Starlette makes a URL of a socket's path, too.
    const bool has_authority = tcp || routing::valid_host(request.header("host").value_or(""));
    if (!has_authority || !layer_.valid(conversation().head_at())) return application_coroutine();
    const std::optional<std::string> scheme = request_scheme(app(), conversation());
    if (!scheme) return {};
    const std::string path = app().root_path + text::decode_path(request.path);
    const std::string server_host = tcp ? server.host() : std::string();
    const OwnAnswer answer = layer_.layer().answer(request, {.scheme = *scheme,
                                                             .path = path,
                                                             .query = request.query,
                                                             .host = request.header("host"),
                                                             .server_host = server_host,
                                                             .server_port = server.port});
    app().counters.middleware.fetch_add(1, std::memory_order_relaxed);
    log_access(answer.status);
    conversation().respond(answer.status, answer.headers(), answer.body);
    return {};
  }

  GuardedLayer& layer_;  // which the run keeps
};

bool GuardedLayer::on_request(http::Exchange& exchange, std::unique_ptr<http::LayerState>& state) {
  const http::Request& request = exchange.request();
  const AnsweringLayer::Verdict verdict = layer_->judge(request);
  if (request.asks_upgrade || verdict == AnsweringLayer::Verdict::kUnsure) {
    application_->serve(exchange, {});
    return true;
  }
  if (verdict == AnsweringLayer::Verdict::kAnswer) {
    Run::start<LayerRun>(*app_, shared_from_this(), exchange);
    return true;
  }
  state = layer_->remember(request);
  return false;
}

std::shared_ptr<AnsweringLayer> make_session_layer(std::string cookie, std::span<const AppLayer> further_in,
                                                   Around around) {
  if (around == Around::kAllElse) return std::make_shared<middleware::SessionCookie>(std::move(cookie));
  std::vector<std::shared_ptr<const AnsweringLayer>> answering;
  for (const AppLayer& layer : further_in) {
    if (layer.answering != nullptr) answering.push_back(layer.answering);
  }
  return std::make_shared<middleware::SessionCookie>(std::move(cookie), std::move(answering));
}

}  // namespace

std::shared_ptr<const http::Pipeline> make_app_pipeline(const std::vector<AppLayer>& layers, Around around,
                                                        const std::shared_ptr<AppContext>& app,
                                                        const std::shared_ptr<PlanGuard>& guard,
                                                        const std::shared_ptr<routing::Endpoint>& application) {
  if (layers.empty()) return nullptr;
  std::vector<std::shared_ptr<http::Layer>> members;
  members.reserve(layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const AppLayer& layer = layers[i];
    const auto answering = layer.session_cookie
                               ? make_session_layer(*layer.session_cookie, std::span(layers).subspan(i + 1), around)
                               : layer.answering;
    if (answering != nullptr) {
      members.push_back(std::make_shared<GuardedLayer>(answering, app, guard, application));
    } else {
      members.push_back(layer.passive);
    }
  }
  return std::make_shared<const http::Pipeline>(std::move(members));
}

}  // namespace data_bridge::bridge
