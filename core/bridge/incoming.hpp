// A request on its way to Python: everything that outlives the call that delivered it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bridge/body_inbox.hpp"
#include "bridge/reply.hpp"
#include "http/exchange.hpp"

namespace data_bridge::bridge {

/// Made on the connection's thread, used on Python's.
struct Incoming {
  /// Copies the request of `exchange`; `local` where its connection lives on Python's thread.
  Incoming(http::Exchange& exchange, bool local)
      : request(exchange.take_request()),
        reply(exchange, local),
        client_host(exchange.client_host()),
        server_host(exchange.server_host()),
        client_port(exchange.client_port()),
        server_port(exchange.server_port()) {}

  std::unique_ptr<http::OwnedRequest> request;
  Reply reply;
  std::string client_host;  ///< "" on a Unix socket
  std::string server_host;  ///< the socket's path on a Unix socket
  std::uint16_t client_port;
  std::uint16_t server_port;
};

}  // namespace data_bridge::bridge
