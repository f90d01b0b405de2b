// Whether the client of a request still waits, for Python's thread to ask.
#pragma once

#include <memory>
#include <mutex>

#include "bridge/body_inbox.hpp"
#include "http/exchange.hpp"

namespace data_bridge::bridge {

/// Listens to an exchange on another thread whose body nobody has asked for: all that a request needs that is answered
/// without receive() and send(). Both sides hold it; the exchange's lets go when the exchange is over.
class Presence final : public http::ExchangeListener, public std::enable_shared_from_this<Presence> {
 public:
  // --- the connection's thread --------------------------------------------------------------------
  /// Starts listening. A body that is still to come waits.
  void attach(http::Exchange& exchange);

  void on_body(http::Exchange& /*exchange*/, std::string_view /*piece*/, bool /*last*/) override {}
  void on_drained(http::Exchange& /*exchange*/) override {}
  void on_closed(http::Exchange& exchange, http::ExchangeEnd end) noexcept override;

  // --- Python's thread ----------------------------------------------------------------------------
  /// The exchange is over, before or without Python's answer.
  [[nodiscard]] bool gone() const noexcept;
  /// From now on `inbox` is told instead, by `reply`.
  void hand_over_to(std::shared_ptr<BodyInbox> inbox, const Reply& reply);

 private:
  std::shared_ptr<Presence> exchange_side_;  // the connection's thread only
  mutable std::mutex mutex_;                 // guards all below
  std::shared_ptr<BodyInbox> successor_;     // until it listens itself
  bool gone_ = false;
};

}  // namespace data_bridge::bridge
