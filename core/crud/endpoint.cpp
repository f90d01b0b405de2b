// The native door: HTTP straight to an operation, without Python.
#include "crud/endpoint.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/exchange_ref.hpp"
#include "text/characters.hpp"
#include "text/latin1.hpp"

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

// The fields of a request that operations look at, in one pass.
struct Fields {
  explicit Fields(std::span<const http::Header> headers) {
    for (const http::Header& header : headers) {
      if (text::equals_lower(header.name, "content-type")) {
        if (!content_type) content_type = header.value;
      } else if (text::equals_lower(header.name, "if-match")) {
        join(if_match, joined_match, header.value);
      } else if (text::equals_lower(header.name, "if-none-match")) {
        join(if_none_match, joined_none_match, header.value);
      } else if (text::equals_lower(header.name, "idempotency-key")) {
        idempotency_keys.push_back(text::decode_latin1(header.value));
      }
    }
  }
  // Several lines of a field are one list (RFC 9110, 5.3).
  static void join(std::string_view& field, std::string& joined, std::string_view value) {
    if (field.empty()) {
      field = value;
      return;
    }
    joined = std::string(field) + ", " + std::string(value);
    field = joined;
  }

  std::optional<std::string_view> content_type;
  std::string_view if_match;
  std::string_view if_none_match;
  std::string joined_match;
  std::string joined_none_match;
  std::vector<std::string> idempotency_keys;
};

Request to_request(const http::Exchange& exchange, const Fields& fields, routing::PathParameters parameters) {
  const http::Request& head = exchange.request();
  return Request{.path = head.path,
                 .query = head.query,
                 .content_type = fields.content_type.value_or(std::string_view()),
                 .body = exchange.body(),
                 .preconditions = {.if_match = fields.if_match, .if_none_match = fields.if_none_match},
                 .key = parameters.empty() ? std::string_view() : parameters.back(),
                 .idempotency_keys = fields.idempotency_keys};
}

// Whom a request is to be answered that is answered later: names the exchange for the store's thread, and tells it when
// nobody waits any more.
class WaitingClient final : public http::ExchangeListener {
 public:
  explicit WaitingClient(const http::Exchange& exchange) : exchange_(exchange.ref()) {}
  /// `has_left` becomes true instead of this client's own.
  WaitingClient(const http::Exchange& exchange, std::shared_ptr<std::atomic<bool>> has_left)
      : exchange_(exchange.ref()), has_left_(std::move(has_left)) {}

  /// On the store's thread, once. The exchange has a plain pointer to `client`; the answer, behind which there is no
  /// exchange, keeps it.
  static void answer_later(std::shared_ptr<WaitingClient> client, Response&& response) {
    std::move(client->exchange_).post([client, response = std::move(response)](http::Exchange& late) {
      late.set_listener(nullptr);
      answer(late, response);
    });
  }
  [[nodiscard]] const std::atomic<bool>& has_left() const noexcept { return own_has_left_; }

  void on_body(http::Exchange&, std::string_view, bool) override {}
  void on_drained(http::Exchange&) override {}
  void on_closed(http::Exchange&, http::ExchangeEnd end) noexcept override {
    (has_left_ != nullptr ? *has_left_ : own_has_left_)
        .store(end == http::ExchangeEnd::kBroken, std::memory_order_relaxed);
  }

 private:
  http::ExchangeRef exchange_;
  std::atomic<bool> own_has_left_ = false;
  const std::shared_ptr<std::atomic<bool>> has_left_;
};

class ReadEndpoint final : public routing::Endpoint {
 public:
  explicit ReadEndpoint(std::shared_ptr<const Operation> operation) : operation_(std::move(operation)) {}

  void serve(http::Exchange& exchange, routing::PathParameters parameters) override {
    thread_local Response memory;  // kept from request to request
    const Fields fields(exchange.request().headers);
    const std::shared_ptr<PendingRead> read =
        operation_->begin(to_request(exchange, fields, parameters), &exchange.reactor(), std::move(memory));
    if (!read->is_answered() && waits(exchange, read)) {
      return;
    }
    answer(exchange, read->response());
    memory = std::move(read->response());
    memory.recycle();
  }

 private:
  // False where the answer has come meanwhile.
  static bool waits(http::Exchange& exchange, const std::shared_ptr<PendingRead>& read) {
    auto client =
        std::make_shared<WaitingClient>(exchange, std::shared_ptr<std::atomic<bool>>(read, &read->abandoned()));
    exchange.set_listener(client.get());
    const bool later = read->wait(
        [client](Response&& done) mutable { WaitingClient::answer_later(std::move(client), std::move(done)); });
    if (!later) exchange.set_listener(nullptr);
    return later;
  }

  const std::shared_ptr<const Operation> operation_;
};

class WriteEndpoint final : public routing::Endpoint {
 public:
  WriteEndpoint(std::shared_ptr<const Operation> operation, std::shared_ptr<routing::Endpoint> python)
      : operation_(std::move(operation)), python_(std::move(python)) {}

  void serve(http::Exchange& exchange, routing::PathParameters parameters) override {
    Response response;
    const Fields fields(exchange.request().headers);
    auto write = operation_->prepare(to_request(exchange, fields, parameters), response);
    if (write == nullptr) {
      if (response.is_undecided && python_ != nullptr) return python_->serve(exchange, parameters);
      answer(exchange, response);
      return;
    }
    auto client = std::make_shared<WaitingClient>(exchange);
    exchange.set_listener(client.get());
    write->set_abandoned({client, &client->has_left()});
    write->set_done([client = std::move(client)](Response&& done) mutable {
      WaitingClient::answer_later(std::move(client), std::move(done));
    });
    operation_->submit(std::move(write));
  }

 private:
  const std::shared_ptr<const Operation> operation_;
  const std::shared_ptr<routing::Endpoint> python_;
};

}  // namespace

std::shared_ptr<routing::Endpoint> make_endpoint(std::shared_ptr<const Operation> operation,
                                                 std::shared_ptr<routing::Endpoint> python) {
  if (operation->is_read()) {
    return std::make_shared<ReadEndpoint>(std::move(operation));
  }
  return std::make_shared<WriteEndpoint>(std::move(operation), std::move(python));
}

}  // namespace data_bridge::crud
