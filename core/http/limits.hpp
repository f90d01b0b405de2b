// What a server takes from a client, and how long it waits for it.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace data_bridge::http {

/// Every bound of a connection stands here. What uvicorn takes by default is taken; docs/compatibility.md says where
/// that ends, and why. A size of 0 means no limit only where it says so, a timeout of 0 always.
///
/// What one connection can make the server keep: max_head_size, or max_read_ahead and one read (64 KiB; 128 KiB within
/// a body that comes in pieces), and write_high_water with the one answer, or piece of it, that crossed it.
struct Limits {
  std::size_t max_head_size = 1024 * 1024;  ///< request line and fields; beyond: 431. Also of a trailer section
  std::size_t max_fields = 10'000;          ///< beyond: 431
  std::size_t max_target_size = 65'535;     ///< beyond: 414. RFC 9112, 3 asks for at least 8,000
  std::size_t max_method_size = 32;         ///< beyond: 400
  std::uint64_t max_body_size = 0;          ///< BodyMode::kBuffer; beyond: 413; 0: no limit
  std::uint64_t max_stream_size = 0;        ///< BodyMode::kStream; beyond: 413; 0: no limit
  std::uint64_t max_unread_body = 0;        ///< dropped to keep the connection, which closes beyond; 0: no limit
  std::size_t max_read_ahead = 64 * 1024;   ///< bytes that wait behind a request being answered; reading stops there

  std::size_t write_high_water = 64 * 1024;  ///< no further pipelined request is begun above this
  std::size_t write_low_water = 32 * 1024;   ///< ExchangeListener::on_drained

  std::chrono::milliseconds head_timeout{60'000};  ///< for a whole head, from its first byte: 408. Before the first
                                                   ///< request also until that byte: closed
  std::chrono::milliseconds idle_timeout{5'000};   ///< between requests; 0: closes behind an answer, as uvicorn
  /// How far a body may be behind min_body_rate, pauses included, before it is 408. Time in which the handler does not
  /// take it does not count.
  std::chrono::milliseconds body_timeout{300'000};
  std::uint64_t min_body_rate = 512;                ///< bytes a second; 0: any byte renews body_timeout
  std::chrono::milliseconds send_timeout{300'000};  ///< a client that takes nothing for so long is cut off
  std::chrono::milliseconds linger_timeout{5'000};  ///< reading on after an early close, until the peer is silent
  std::chrono::milliseconds drain_timeout{
      1'000};  ///< at a drain, for the next request of a client that was just served
  std::chrono::milliseconds sweep_interval{1'000};  ///< how often deadlines are looked at; they come late by up to two

  std::size_t max_connections = 0;  ///< of all Connections that share a ConnectionCount; 0: no limit
  std::uint32_t max_requests = 0;   ///< per connection; 0: no limit
};

/// A timeout in ticks of the sweep; 0, which is none, for one of 0. One more than it takes, since the tick at hand may
/// be almost over: late, never early.
[[nodiscard]] constexpr std::uint32_t ticks_of(std::chrono::milliseconds timeout, const Limits& limits) noexcept {
  if (timeout.count() <= 0) return 0;
  const std::chrono::milliseconds tick = std::max(limits.sweep_interval, std::chrono::milliseconds(1));
  const std::int64_t ticks = (timeout + tick - std::chrono::milliseconds(1)) / tick;
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(ticks, 0, INT32_MAX)) + 1;
}

/// Connections of a process, on all its threads. Accepting stops at Limits::max_connections.
using ConnectionCount = std::atomic<std::size_t>;

/// What every answer carries.
struct Options {
  Limits limits;
  std::shared_ptr<ConnectionCount> connection_count{};  ///< null: each Connections counts for itself
  bool date_header = true;
  bool server_header = true;
  std::string server_name = "data_bridge";
  /// Fields of every answer, behind `date` and `server`, in front of its own; valid ones.
  std::vector<std::pair<std::string, std::string>> headers{};
  /// The names Python's http.HTTPStatus had before 3.13, as "Unprocessable Entity" for 422.
  bool legacy_reason_phrases = false;
};

}  // namespace data_bridge::http
