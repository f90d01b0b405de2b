// The native door, over a socket: answers now, answers later, answers to nobody.
#include "crud/endpoint.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <latch>
#include <string>
#include <thread>
#include <utility>

#include "crud/test_support.hpp"
#include "http/connections.hpp"
#include "routing/router.hpp"

namespace data_bridge::crud {
namespace {

// With a store that answers reads within the call, and with one that answers everything later.
class EndpointTest : public testing::TestWithParam<std::string> {
 protected:
  EndpointTest() {
    EXPECT_TRUE(resource_->attach(store_.store()));
    routing::RouteTable::Builder builder(routing::RoutingOptions{});
    const auto add = [&](const char* path, const char* method, OperationKind kind) {
      EXPECT_TRUE(builder.add({path, {method}, make_endpoint(make_operation(kind, resource_)), method}));
    };
    add("/products", "GET", OperationKind::kList);
    add("/products", "HEAD", OperationKind::kList);
    add("/products", "POST", OperationKind::kCreate);
    add("/products/{id}", "GET", OperationKind::kGet);
    add("/products/{id}", "PUT", OperationKind::kReplace);
    add("/products/{id}", "PATCH", OperationKind::kUpdate);
    add("/products/{id}", "DELETE", OperationKind::kDelete);
    router_ = std::make_unique<routing::Router>(std::make_shared<routing::CurrentRoutes>(builder.build()));
    http::Options options;
    options.date_header = false;
    options.server_header = false;
    connections_ = std::make_unique<http::Connections>(reactor_, *router_, options);
    connect();
  }

  // Writes in flight must not meet Connections that are gone.
  ~EndpointTest() override { store_.store()->close(); }

  void connect() {
    std::array<int, 2> ends{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    client_ = runtime::FileDescriptor(ends[0]);
    connections_->adopt(runtime::FileDescriptor(ends[1]), {});
  }

  void turn() {
    reactor_.wait(std::chrono::milliseconds(5));
    reactor_.dispatch();
    reactor_.finish_turn();
  }

  // Sends, and turns the loop until `end` was received or a minute has passed.
  std::string ask(std::string_view bytes, std::string_view end) {
    EXPECT_EQ(send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    std::string answer;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!answer.ends_with(end) && std::chrono::steady_clock::now() < deadline) {
      turn();
      std::array<char, 65536> piece{};
      const ssize_t size = recv(client_.get(), piece.data(), piece.size(), 0);
      answer.append(piece.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    }
    return answer;
  }

  static std::string message(std::string_view line, std::string_view body = "") {
    std::string text = std::string(line) + " HTTP/1.1\r\nhost: h\r\n";
    if (!body.empty()) {
      text += "content-type: application/json\r\ncontent-length: " + std::to_string(body.size()) + "\r\n";
    }
    return text + "\r\n" + std::string(body);
  }

  TemporaryStore store_{GetParam()};
  std::shared_ptr<Resource> resource_ = make_resource(product_spec(), {.table = "products"});
  runtime::Reactor reactor_;
  std::unique_ptr<routing::Router> router_;
  std::unique_ptr<http::Connections> connections_;
  runtime::FileDescriptor client_;
};

INSTANTIATE_TEST_SUITE_P(Stores, EndpointTest, testing::ValuesIn(store_schemes()),
                         [](const auto& store) { return store.param; });

constexpr std::string_view kItem = R"({"name":"a","price":1})";

TEST_P(EndpointTest, AnswersEveryOperation) {
  EXPECT_EQ(ask(message("POST /products", kItem), "}"),
            "HTTP/1.1 201 Created\r\ncontent-length: 55\r\ncontent-type: application/json\r\n"
            "etag: \"vyQAItLDi-R2drcmiFhFyg\"\r\nlocation: /products/1\r\n\r\n"
            R"({"id":1,"name":"a","price":1.0,"tags":[],"note":"none"})");
  EXPECT_EQ(ask(message("GET /products/1"), "}"),
            "HTTP/1.1 200 OK\r\ncontent-length: 55\r\ncontent-type: application/json\r\n"
            "etag: \"vyQAItLDi-R2drcmiFhFyg\"\r\n\r\n"
            R"({"id":1,"name":"a","price":1.0,"tags":[],"note":"none"})");
  EXPECT_EQ(ask("GET /products/1 HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\"\r\n"
                "if-none-match: \"vyQAItLDi-R2drcmiFhFyg\"\r\n\r\n",
                "\r\n\r\n"),
            "HTTP/1.1 304 Not Modified\r\netag: \"vyQAItLDi-R2drcmiFhFyg\"\r\n\r\n");
  EXPECT_TRUE(ask("DELETE /products/1 HTTP/1.1\r\nHost: a\r\nIf-Match: \"x\"\r\n\r\n", "}")
                  .starts_with("HTTP/1.1 412 Precondition Failed\r\n"));
  EXPECT_TRUE(ask(message("PUT /products/1", kItem), "}").starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(
      ask(message("PATCH /products/1", R"({"price":3})"), "}").ends_with(R"("price":3.0,"tags":[],"note":"none"})"));
  EXPECT_TRUE(ask(message("GET /products?limit=1"), "}").ends_with(R"(],"next":null})"));
  EXPECT_EQ(ask(message("HEAD /products"), "\r\n\r\n"),
            "HTTP/1.1 200 OK\r\ncontent-length: 79\r\ncontent-type: application/json\r\n\r\n");
  EXPECT_EQ(ask(message("DELETE /products/1"), "\r\n\r\n"), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(ask(message("DELETE /products/1"), "}").starts_with("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_TRUE(ask(message("POST /products", "{}"), "}").starts_with("HTTP/1.1 422 "));
}

TEST_P(EndpointTest, APipelinedReadSeesTheWriteBeforeIt) {
  for (int key = 1; key <= 50; ++key) {
    const std::string path = "/products/" + std::to_string(key);
    // The first read takes a snapshot in the same turn, before the write is there.
    const std::string answer = ask(message("GET " + path) + message("POST /products", kItem) + message("GET " + path) +
                                       message("DELETE " + path) + message("GET " + path) + message("GET /products/x"),
                                   "\"x\"}]}");
    std::string statuses;
    for (std::size_t at = answer.find("HTTP/1.1 "); at != std::string::npos; at = answer.find("HTTP/1.1 ", at + 1)) {
      statuses += answer.substr(at + 9, 3) + " ";
    }
    ASSERT_EQ(statuses, "404 201 200 204 404 422 ") << answer;
  }
}

TEST_P(EndpointTest, AnAnswerToAClosedConnectionIsDropped) {
  for (int i = 0; i < 20; ++i) {
    const std::string bytes = i % 2 == 0 ? message("POST /products", kItem) : message("GET /products?total=true");
    ASSERT_GT(send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
    reactor_.wait(std::chrono::milliseconds(5));
    reactor_.dispatch();
    client_ = runtime::FileDescriptor();
    turn();
    connect();  // takes the slot of the connection that has gone
  }
  EXPECT_TRUE(ask(message("GET /products/x"), "}]}").starts_with("HTTP/1.1 422"));
}

// Holds the store's thread until it is destroyed.
class HoldWriter {
 public:
  explicit HoldWriter(storage::Store& store) {
    store.submit(std::make_unique<Job>(*this));
    begun_.wait();
  }
  ~HoldWriter() { release(); }
  HoldWriter(const HoldWriter&) = delete;
  HoldWriter& operator=(const HoldWriter&) = delete;
  void release() {
    if (!std::exchange(released_, true)) {
      release_.count_down();
      finished_.wait();
    }
  }

 private:
  class Job final : public storage::WriteJob {
   public:
    explicit Job(HoldWriter& hold) : hold_(hold) {}
    storage::Status execute(storage::WriteTransaction&) override {
      hold_.begun_.count_down();
      hold_.release_.wait();
      return {};
    }
    void finish(const storage::Error*) noexcept override { hold_.finished_.count_down(); }

   private:
    HoldWriter& hold_;
  };
  std::latch begun_{1};
  std::latch release_{1};
  std::latch finished_{1};
  bool released_ = false;
};

TEST_P(EndpointTest, AWriteWhoseClientHasLeftIsNotBegun) {
  {
    HoldWriter hold(*store_.store());
    const std::string bytes = message("POST /products", R"({"name":"left","price":1})");
    ASSERT_GT(send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
    while (store_.store()->waiting_writes() < 2) turn();
    client_ = runtime::FileDescriptor();
    while (connections_->size() != 0) turn();
    connect();
    const std::string stays = message("POST /products", R"({"name":"stays","price":1})");
    ASSERT_GT(send(client_.get(), stays.data(), stays.size(), MSG_NOSIGNAL), 0);
    while (store_.store()->waiting_writes() < 3) turn();
  }
  EXPECT_TRUE(ask("", "}").ends_with(R"({"id":1,"name":"stays","price":1.0,"tags":[],"note":"none"})"));
  EXPECT_TRUE(ask(message("GET /products"), "null}")
                  .ends_with(R"({"items":[{"id":1,"name":"stays","price":1.0,"tags":[],"note":"none"}],"next":null})"));
  // The writer lets go of a job after its answer is on its way.
  while (store_.store()->waiting_writes() != 0) std::this_thread::yield();
}

TEST_P(EndpointTest, AWriteGoesToTheStoreThatWasOpenWhenItCame) {
  // In the other store "products" has the number that "others" have in this one, and with it their statements.
  const auto others = make_resource(product_spec(), {.table = "others"});
  ASSERT_TRUE(others->attach(store_.store()));
  ASSERT_EQ(Client(others).create(kItem).status, 201);
  ASSERT_EQ(Client(others).update("1", "{}").status, 200);
  TemporaryStore elsewhere(GetParam());
  ASSERT_TRUE(make_resource(product_spec(), {.table = "first"})->attach(elsewhere.store()));
  {
    HoldWriter hold(*store_.store());
    const std::string bytes = message("PATCH /products/1", R"({"price":7})");
    ASSERT_GT(send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
    while (store_.store()->waiting_writes() < 2) turn();
    ASSERT_TRUE(resource_->attach(elsewhere.store()));
  }
  EXPECT_TRUE(ask("", "}").starts_with("HTTP/1.1 404 "));  // there is no such item where it was asked for
  EXPECT_NE(Client(others).get("1").body.find(R"("price":1.0)"), std::string::npos);
}

TEST_P(EndpointTest, WritesInFlightEndBeforeTheReactorDoes) {
  const std::string bytes = message("POST /products", kItem);
  ASSERT_GT(send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
  reactor_.wait(std::chrono::milliseconds(5));
  reactor_.dispatch();
  store_.store()->close();
  EXPECT_TRUE(ask("", "}").starts_with("HTTP/1.1 201"));
}

}  // namespace
}  // namespace data_bridge::crud
