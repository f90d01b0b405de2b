// A request on its way to Python: everything that outlives the call that delivered it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bridge/body_inbox.hpp"
#include "bridge/reply.hpp"
#include "http/exchange.hpp"
#include "runtime/reactor.hpp"
#include "runtime/socket.hpp"

namespace data_bridge::bridge {

/// Made on the connection's thread, used on Python's.
struct Incoming {
  /// Copies the request of `exchange`; `local` where its connection lives on Python's thread.
  Incoming(http::Exchange& exchange, bool local)
      : request(exchange.take_request()),
        reply(exchange, local),
        head_at(exchange.head_at()),
        client(exchange.client_address()),
        server(exchange.server_address()) {
    if (server.family == runtime::SocketAddress::Family::kUnix) server_path = exchange.server_host();
  }

  std::unique_ptr<http::OwnedRequest> request;
  Reply reply;
  std::optional<runtime::Clock::time_point> head_at;  ///< where the body came in later
  runtime::SocketAddress client;
  runtime::SocketAddress server;
  std::string server_path;  ///< of a Unix socket
};

}  // namespace data_bridge::bridge
