// What a server takes from a client, and how long it waits for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace data_bridge::http {

/// Sizes in bytes; a size of 0 means no limit only where it says so.
struct Limits {
  std::size_t max_head_size = 64 * 1024;           ///< request line and fields; beyond: 431. Also of a trailer section
  std::size_t max_fields = 100;                    ///< beyond: 431
  std::size_t max_target_size = 8 * 1024;          ///< beyond: 414. RFC 9112, 3 asks for at least 8,000
  std::size_t max_method_size = 32;                ///< beyond: 400
  std::uint64_t max_body_size = 64 * 1024 * 1024;  ///< BodyMode::kBuffer; beyond: 413; 0: no limit
  std::uint64_t max_stream_size = 0;               ///< BodyMode::kStream; beyond: 413; 0: no limit
  std::uint64_t max_drain_size = 256 * 1024;       ///< of a body nobody read, dropped to keep the connection
  std::size_t max_read_ahead = 64 * 1024;          ///< bytes that wait behind a request being answered

  std::size_t write_high_water = 64 * 1024;  ///< no further pipelined request is begun above this
  std::size_t write_low_water = 32 * 1024;   ///< ExchangeListener::on_drained

  std::chrono::milliseconds head_timeout{10'000};   ///< for a whole head, from its first byte: 408
  std::chrono::milliseconds idle_timeout{75'000};   ///< between requests, and before the first
  std::chrono::milliseconds body_timeout{30'000};   ///< for each kBodyProgress bytes of a body: 408
  std::chrono::milliseconds send_timeout{30'000};   ///< a client that takes nothing for so long is closed
  std::chrono::milliseconds linger_timeout{5'000};  ///< reading on after an early close, until the peer is silent
  std::chrono::milliseconds sweep_interval{1'000};  ///< how often deadlines are looked at; they come late by up to two
  static constexpr std::uint64_t kBodyProgress = 1024;

  std::size_t max_connections = 0;  ///< per Connections; accepting stops there; 0: no limit
  std::uint32_t max_requests = 0;   ///< per connection; 0: no limit
};

/// What every answer carries.
struct Options {
  Limits limits;
  bool date_header = true;
  bool server_header = true;
  std::string server_name = "data_bridge";
  /// The names Python's http.HTTPStatus had before 3.13, as "Unprocessable Entity" for 422.
  bool legacy_reason_phrases = false;
};

}  // namespace data_bridge::http
