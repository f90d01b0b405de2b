// The one interface between HTTP and what stands on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "http/exchange.hpp"

namespace data_bridge::http {

/// What to do with a request's body before on_request() is called.
enum class BodyMode : std::uint8_t {
  kBuffer,  ///< decode the whole body first, within Limits::max_body_size; Exchange::body() has it
  kStream,  ///< call on_request() with the head, hand pieces to the listener as they come
};

/// Answers requests. One per server, called from every thread that has connections.
class Handler {
 public:
  /// A head is complete. What the handler finds out here (the route) it may keep in
  /// `scratch`, which on_request() gets again: no request is routed twice. The request's bytes stay where they
  /// are between the two calls, so views into them may be kept there; nothing is destroyed in it, and
  /// on_request() is never called where the body does not come.
  struct Scratch {
    alignas(8) std::byte bytes[128];
  };
  virtual BodyMode on_head(const Request& request, Scratch& scratch) = 0;
  /// The body is still to come: what `scratch` points to must stay until on_request(), or until the exchange is over,
  /// which is as long as the result is kept.
  virtual std::shared_ptr<const void> keep(const Scratch& /*scratch*/) { return nullptr; }
  /// Answers, or keeps exchange.id() and answers later.
  virtual void on_request(Exchange& exchange, Scratch& scratch) = 0;

 protected:
  ~Handler() = default;
};

}  // namespace data_bridge::http
