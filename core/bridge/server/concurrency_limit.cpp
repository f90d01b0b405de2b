// More connections or requests than an operator wants are told so, as by uvicorn's limit_concurrency.
#include "bridge/server/concurrency_limit.hpp"

#include <array>

#include "http/exchange.hpp"

namespace data_bridge::bridge {

bool ConcurrencyLimit::answers(const http::Request& request) const {
  if (request.asks_upgrade) return false;
  return connections_->load(std::memory_order_relaxed) >= most_ ||
         app_->in_flight.load(std::memory_order_relaxed) >= static_cast<std::int64_t>(most_);
}

bool ConcurrencyLimit::on_request(http::Exchange& exchange, std::unique_ptr<http::LayerState>& /*state*/) {
  if (!answers(exchange.request())) return false;
  static constexpr std::array<http::Header, 3> kHeaders{
      {{"content-type", "text/plain; charset=utf-8"}, {"content-length", "19"}, {"connection", "close"}}};
  report_->on_refused(503);
  exchange.respond(503, kHeaders, "Service Unavailable");
  return true;
}

}  // namespace data_bridge::bridge
