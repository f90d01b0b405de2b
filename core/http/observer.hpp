// Told of every answer, and of every refusal: for logs and counters.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "http/request.hpp"

namespace data_bridge::http {

/// An answer that a handler gave. Views are valid during the call.
struct Answered {
  std::string_view method;
  std::string_view target;  ///< as sent
  Version version = Version::kHttp11;
  std::string_view client_host;  ///< "" on a Unix socket
  std::uint16_t client_port = 0;
  int status = 0;
  std::uint64_t body_size = 0;          ///< bytes of the answer's body, before framing
  std::chrono::nanoseconds duration{};  ///< from the complete head to the last byte written
  bool complete = true;                 ///< false where the connection ended within the answer
};

class ExchangeObserver {
 public:
  /// On the thread of the connection. Called from several threads where several have connections.
  virtual void on_answered(const Answered& answered) noexcept = 0;

 protected:
  ~ExchangeObserver() = default;
};

/// Told of what the server refused by itself, before or instead of a handler's answer.
class RefusalObserver {
 public:
  virtual ~RefusalObserver() = default;
  /// On the thread of the connection, from several threads where several have connections. A client can cause as many
  /// as it likes.
  virtual void on_refused(int status) noexcept = 0;
};

}  // namespace data_bridge::http
