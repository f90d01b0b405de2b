// The native door: HTTP straight to an operation, without Python.
#include "crud/endpoint.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "http/exchange_ref.hpp"
#include "runtime/blocking_threads.hpp"
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

// Where the connections of this thread have long reads done. They end with it: behind the store, whose end interrupts
// what they do.
runtime::BlockingThreads& threads_of_thread() {
  struct Holder {
    ~Holder() { forget_in_child(); }
    // In the child of a fork nobody can wait for them: they are the parent's.
    void forget_in_child() noexcept {
      if (threads != nullptr && process != getpid()) static_cast<void>(threads.release());
    }
    std::unique_ptr<runtime::BlockingThreads> threads;
    pid_t process = 0;
  };
  thread_local Holder holder;
  holder.forget_in_child();
  if (holder.threads == nullptr) {
    holder.threads = std::make_unique<runtime::BlockingThreads>();
    holder.process = getpid();
  }
  return *holder.threads;
}

// A read that goes on where it is in nobody's way.
class LongRead final : public http::ExchangeListener, public std::enable_shared_from_this<LongRead> {
 public:
  static void begin(http::Exchange& exchange, std::shared_ptr<const Operation> operation, const Request& request) {
    const auto read = std::make_shared<LongRead>(exchange, std::move(operation), request);
    exchange.set_listener(read.get());
    read->of_exchange_ = read;
    try {
      read->place_ = threads_of_thread().submit([read]() noexcept { read->run(); });
    } catch (const std::system_error&) {
      exchange.set_listener(nullptr);
      read->of_exchange_.reset();
      Response response;
      respond_with(response, {storage::Errc::kOverloaded, {}, {}}, {});
      answer(exchange, response);
    }
  }

  LongRead(const http::Exchange& exchange, std::shared_ptr<const Operation> operation, const Request& request)
      : exchange_(exchange.ref()),
        operation_(std::move(operation)),
        path_(request.path),
        query_(request.query),
        key_(request.key),
        if_none_match_(request.preconditions.if_none_match) {}

  void on_body(http::Exchange&, std::string_view, bool) override {}
  void on_drained(http::Exchange&) override {}
  void on_closed(http::Exchange&, http::ExchangeEnd) noexcept override {
    const auto keep = std::move(of_exchange_);
    place_.leave();
  }

 private:
  void run() noexcept {
    Response response = perform(*operation_, {.path = path_,
                                              .query = query_,
                                              .preconditions = {.if_match = {}, .if_none_match = if_none_match_},
                                              .key = key_});
    exchange_.post([self = shared_from_this(), response = std::move(response)](http::Exchange& late) {
      late.set_listener(nullptr);
      self->of_exchange_.reset();
      answer(late, response);
    });
  }

  std::shared_ptr<LongRead> of_exchange_;  // which has a plain pointer to it; as place_ of the connection's thread
  const http::ExchangeRef exchange_;
  const std::shared_ptr<const Operation> operation_;
  const std::string path_;
  const std::string query_;
  const std::string key_;
  const std::string if_none_match_;
  runtime::BlockingThreads::Place place_;
};

class ReadEndpoint final : public routing::Endpoint {
 public:
  explicit ReadEndpoint(std::shared_ptr<const Operation> operation) : operation_(std::move(operation)) {}

  void serve(http::Exchange& exchange, routing::PathParameters parameters) override {
    thread_local Response response;  // keeps its memory from request to request
    const Fields fields(exchange.request().headers);
    const Request request = to_request(exchange, fields, parameters);
    operation_->read(request, response, &exchange.reactor());
    if (response.needs_time) {
      LongRead::begin(exchange, operation_, request);
    } else {
      answer(exchange, response);
    }
    response.recycle();
  }

 private:
  const std::shared_ptr<const Operation> operation_;
};

// Whom a write is to be answered: names the exchange for the store's thread, and tells it when nobody waits any more.
class WaitingClient final : public http::ExchangeListener {
 public:
  explicit WaitingClient(const http::Exchange& exchange) : exchange_(exchange.ref()) {}

  /// On the store's thread, once. The exchange has a plain pointer to `client`; the answer, behind which there is no
  /// exchange, keeps it.
  static void answer_later(std::shared_ptr<WaitingClient> client, Response&& response) {
    std::move(client->exchange_).post([client, response = std::move(response)](http::Exchange& late) {
      late.set_listener(nullptr);
      answer(late, response);
    });
  }
  [[nodiscard]] const std::atomic<bool>& has_left() const noexcept { return has_left_; }

  void on_body(http::Exchange&, std::string_view, bool) override {}
  void on_drained(http::Exchange&) override {}
  void on_closed(http::Exchange&, http::ExchangeEnd end) noexcept override {
    has_left_.store(end == http::ExchangeEnd::kBroken, std::memory_order_relaxed);
  }

 private:
  http::ExchangeRef exchange_;
  std::atomic<bool> has_left_ = false;
};

class WriteEndpoint final : public routing::Endpoint {
 public:
  explicit WriteEndpoint(std::shared_ptr<const Operation> operation) : operation_(std::move(operation)) {}

  void serve(http::Exchange& exchange, routing::PathParameters parameters) override {
    Response response;
    const Fields fields(exchange.request().headers);
    auto write = operation_->prepare(to_request(exchange, fields, parameters), response);
    if (write == nullptr) {
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
};

}  // namespace

std::shared_ptr<routing::Endpoint> make_endpoint(std::shared_ptr<const Operation> operation) {
  if (operation->is_read()) {
    return std::make_shared<ReadEndpoint>(std::move(operation));
  }
  return std::make_shared<WriteEndpoint>(std::move(operation));
}

}  // namespace data_bridge::crud
