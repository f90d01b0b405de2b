// The native door: HTTP straight to an operation, without Python.
#include "crud/endpoint.hpp"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "http/exchange_ref.hpp"

namespace data_bridge::crud {
namespace {

void answer(http::Exchange& exchange, const Response& response) {
  if (response.headers.empty() && !response.content_type.empty()) {
    exchange.respond(response.status, response.content_type, response.body);
    return;
  }
  std::array<http::Header, 8> headers;
  std::size_t count = 0;
  if (!response.content_type.empty()) {
    headers[count++] = {.name = "content-type", .value = response.content_type};
  }
  for (const ResponseHeader& header : response.headers) {
    headers[count++] = {.name = header.name, .value = header.value};
  }
  exchange.respond(response.status, std::span(headers).first(count), response.body);
}

Request to_request(const http::Exchange& exchange, routing::PathParameters parameters) {
  const http::Request& head = exchange.request();
  return Request{.path = head.path,
                 .query = head.query,
                 .content_type = head.header("content-type").value_or(std::string_view()),
                 .body = exchange.body(),
                 .key = parameters.empty() ? std::string_view() : parameters.back()};
}

class ReadEndpoint final : public routing::Endpoint {
 public:
  explicit ReadEndpoint(std::shared_ptr<const Operation> operation) : operation_(std::move(operation)) {}

  void serve(http::Exchange& exchange, routing::PathParameters parameters) override {
    thread_local Response response;  // keeps its memory from request to request
    operation_->read(to_request(exchange, parameters), response, &exchange.reactor());
    answer(exchange, response);
  }

 private:
  const std::shared_ptr<const Operation> operation_;
};

class WriteEndpoint final : public routing::Endpoint {
 public:
  explicit WriteEndpoint(std::shared_ptr<const Operation> operation) : operation_(std::move(operation)) {}

  void serve(http::Exchange& exchange, routing::PathParameters parameters) override {
    Response response;
    auto write = operation_->prepare(to_request(exchange, parameters), response);
    if (write == nullptr) {
      answer(exchange, response);
      return;
    }
    write->set_done([waiting = exchange.ref()](Response&& done) {
      waiting.post([done = std::move(done)](http::Exchange& late) { answer(late, done); });
    });
    operation_->submit(std::move(write));
  }

 private:
  const std::shared_ptr<const Operation> operation_;
};

}  // namespace

std::shared_ptr<routing::Endpoint> make_endpoint(std::shared_ptr<const Operation> operation) {
  if (operation->is_read()) {
    return std::make_shared<ReadEndpoint>(std::move(operation));
  }
  return std::make_shared<WriteEndpoint>(std::move(operation));
}

}  // namespace data_bridge::crud
