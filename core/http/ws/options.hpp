// What a server's WebSocket connections may do and how long they wait.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace data_bridge::http::ws {

/// Names and defaults as uvicorn's, but for `close_timeout`, which it does not let anybody choose.
struct Options {
  bool enabled = true;                              ///< false: a handshake is a request as any other
  std::uint64_t max_size = 16 * 1024 * 1024;        ///< of a received message, inflated; beyond: 1009
  std::size_t max_queue = 32;                       ///< received messages that wait; then reading pauses
  std::chrono::milliseconds ping_interval{20'000};  ///< 0: no pings
  std::chrono::milliseconds ping_timeout{20'000};   ///< for the pong: 1011; 0: for ever
  bool per_message_deflate = true;                  ///< agreed on where a client offers it
  std::chrono::milliseconds close_timeout{10'000};  ///< for the client's close frame after ours
};

}  // namespace data_bridge::http::ws
