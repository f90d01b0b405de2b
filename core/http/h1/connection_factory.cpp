// What all HTTP/1.1 connections of a thread share.
#include "http/h1/connection_factory.hpp"

#include <utility>

#include "http/h1/connection.hpp"

namespace data_bridge::http::h1 {

ConnectionFactory::ConnectionFactory(Handler& handler, const Options& options)
    : handler_(handler),
      parser_(options.limits),
      writer_(options),
      idle_ticks_(ticks_of(options.limits.idle_timeout, options.limits)) {}

ConnectionFactory::~ConnectionFactory() = default;

std::unique_ptr<Protocol> ConnectionFactory::make(Protocol::Place place, std::unique_ptr<runtime::Stream> stream) {
  return std::make_unique<Connection>(*this, place, std::move(stream));
}

Transaction* ConnectionFactory::acquire() {
  if (free_.empty()) {
    transactions_.push_back(std::make_unique<Transaction>());
    free_.reserve(transactions_.capacity());
    return transactions_.back().get();
  }
  Transaction* const transaction = free_.back();
  free_.pop_back();
  return transaction;
}

void ConnectionFactory::release(Transaction* transaction) noexcept {
  transaction->clear();
  transaction->head_copy.reset();
  transaction->kept.reset();
  if (transaction->upgrade) transaction->upgrade = nullptr;
  free_.push_back(transaction);
}

}  // namespace data_bridge::http::h1
