// The smallest server on this layer, for measuring what the layer itself costs:
//   data_bridge_hello [port] [asynchronous: 0 or 1]
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "http/connections.hpp"
#include "http/listener.hpp"

namespace {

using data_bridge::http::BodyMode;
using data_bridge::http::Connections;
using data_bridge::http::Exchange;
using data_bridge::http::Handler;
using data_bridge::http::Listener;
using data_bridge::http::Request;

class Hello final : public Handler {
 public:
  explicit Hello(bool asynchronous) : asynchronous_(asynchronous) {}
  BodyMode on_head(const Request&, Scratch&) override { return BodyMode::kBuffer; }
  void on_request(Exchange& exchange, Scratch&) override {
    if (!asynchronous_) return exchange.respond(200, "text/plain", "Hello, World!");
    exchange.ref().post([](Exchange& later) { later.respond(200, "text/plain", "Hello, World!"); });
  }

 private:
  bool asynchronous_;
};

data_bridge::runtime::Reactor* running = nullptr;

}  // namespace

int main(int argc, char** argv) {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080);
  data_bridge::runtime::Reactor reactor;
  Hello hello(argc > 2 && std::string_view(argv[2]) == "1");
  Connections connections(reactor, hello);
  auto sockets = data_bridge::runtime::listen_tcp("127.0.0.1", port);
  if (!sockets) return 1;
  std::vector<std::unique_ptr<Listener>> listeners;
  for (auto& socket : *sockets) {
    listeners.push_back(
        std::make_unique<Listener>(reactor, std::move(socket), Listener::Targets{connections.mailbox()}));
    if (listeners.back()->start()) return 1;
  }
  running = &reactor;
  std::signal(SIGTERM, [](int) { running->stop(); });
  std::signal(SIGINT, [](int) { running->stop(); });
  reactor.run();
  listeners.clear();
  return 0;
}
