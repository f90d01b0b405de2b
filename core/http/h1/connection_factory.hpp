// What all HTTP/1.1 connections of a thread share.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "http/h1/parser.hpp"
#include "http/h1/response_writer.hpp"
#include "http/h1/transaction.hpp"
#include "http/handler.hpp"
#include "http/limits.hpp"
#include "http/protocol.hpp"

namespace data_bridge::http::h1 {

/// `handler` and `options` must outlive it, and it the connections that it has made.
class ConnectionFactory final : public ProtocolFactory {
 public:
  ConnectionFactory(Handler& handler, const Options& options);
  ~ConnectionFactory() override;

  [[nodiscard]] std::unique_ptr<Protocol> make(Protocol::Place place, std::unique_ptr<runtime::Stream> stream) override;

  // --- for its connections
  [[nodiscard]] Handler& handler() const noexcept { return handler_; }
  [[nodiscard]] HeadParser& parser() noexcept { return parser_; }
  [[nodiscard]] ResponseWriter& writer() noexcept { return writer_; }
  /// Limits::idle_timeout, for which every request asks, in ticks; 0: none.
  [[nodiscard]] std::uint32_t idle_ticks() const noexcept { return idle_ticks_; }
  [[nodiscard]] Transaction* acquire();
  void release(Transaction* transaction) noexcept;

 private:
  Handler& handler_;
  HeadParser parser_;
  ResponseWriter writer_;
  std::uint32_t idle_ticks_;
  std::vector<std::unique_ptr<Transaction>> transactions_;
  std::vector<Transaction*> free_;
};

}  // namespace data_bridge::http::h1
