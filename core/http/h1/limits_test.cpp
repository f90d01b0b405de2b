// What one connection may make the server keep: each bound of limits.hpp, measured.
#include "http/limits.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <list>
#include <new>

#include "http/server_testing.hpp"
#include "runtime/sanitizers.hpp"

namespace {

// Of this thread, so that a test can say that something needs no memory.
thread_local std::size_t allocations = 0;

}  // namespace

// A sanitizer brings operators of its own, and the linker takes one definition.
#if !DATA_BRIDGE_SANITIZED_MEMORY
void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
// NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDelete): it takes the two operators for two owners.
void operator delete(void* memory) noexcept { std::free(memory); }
// NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDelete)
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
#endif

namespace data_bridge::http::h1 {
namespace {

constexpr std::size_t kRead = std::size_t{64} * 1024;  // what one recv(2) may add to what waits already
// More than the bounds and a socket pair's own buffers together, and far less than what a missing bound lets in.
constexpr std::size_t kEnough = std::size_t{1024} * 1024;

/// What the server has taken from a client that pipelines `request` for ever and reads every answer of `answer_size`
/// bytes, beyond the requests that it has answered. The most that was seen in `turns`.
std::size_t most_kept(TestServer& server, const std::string& request, std::size_t answer_size, int turns) {
  TestClient client = server.connect();
  std::string burst;
  while (burst.size() < kRead) burst += request;
  std::size_t offset = 0;  // into burst, of what is sent next
  std::size_t sent = 0;
  std::size_t answered = 0;
  std::size_t most = 0;
  for (int i = 0; i < turns; ++i) {
    while (const std::size_t count = client.send(std::string_view(burst).substr(offset))) {
      sent += count;
      offset = (offset + count) % burst.size();
    }
    server.turn();
    answered += client.read().size();
    most = std::max(most, sent - answered / answer_size * request.size());
  }
  EXPECT_GT(answered, 0U);
  EXPECT_FALSE(client.ended());
  return most;
}

TEST(Limits, ReadAheadOfAClientThatSendsFasterThanItIsAnswered) {
  // The answers are much larger than the requests: each turn's share of answers uses up less than a read brings.
  TestServer server;
  const std::string body(2000, 'b');
  server.handler.answer = [&](Exchange& exchange) { exchange.respond(200, "text/plain", body); };
  EXPECT_LT(most_kept(server, get("/"), ok(body).size(), 500), kEnough);
}

TEST(Limits, ReadAheadBehindARequestThatIsNotAnswered) {
  TestServer server;
  server.handler.answer = [](Exchange&) {};
  TestClient client = server.connect();
  const std::string burst(kRead, 'x');
  std::size_t sent = client.send(get("/"));
  for (int i = 0; i < 100; ++i) {
    while (const std::size_t count = client.send(burst)) sent += count;
    server.turn();
  }
  EXPECT_LT(sent, kEnough);
}

TEST(Limits, NothingThatWaitsIsForgottenWhereReadingStopped) {
  // With the client's end of reading in between: what was read ahead is answered when there is room again.
  TestServer server;
  const std::string body(50'000, 'b');
  server.handler.answer = [&](Exchange& exchange) { exchange.respond(200, "text/plain", body); };
  TestClient client = server.connect();
  std::string requests;
  constexpr std::size_t kCount = 4000;
  for (std::size_t i = 0; i < kCount; ++i) requests += get("/");
  std::size_t sent = 0;
  for (int i = 0; i < 50; ++i) {  // reads nothing
    sent += client.send(std::string_view(requests).substr(sent));
    server.turn();
  }
  std::size_t received = 0;
  EXPECT_TRUE(server.until([&] {
    sent += client.send(std::string_view(requests).substr(sent));
    received += client.read().size();
    return received == kCount * ok(body).size();
  })) << received / ok(body).size();
}

TEST(Limits, AHeadLargerThanTheReadAheadIsTaken) {
  Options options = TestServer::without_date();
  options.limits.max_read_ahead = 1000;
  options.limits.max_head_size = 100'000;
  TestServer server(options);
  TestClient client = server.connect();
  std::string_view rest;
  const std::string request = get("/", "X: " + std::string(90'000, 'y') + "\r\n");
  for (rest = request; !rest.empty(); server.turn()) rest.remove_prefix(client.send(rest));
  EXPECT_EQ(server.ask(client, ""), ok("/|"));
}

TEST(Limits, AnswersThatAreNotRead) {
  // No further request is begun above the high water: what waits is that, the answer that crossed it, and what the
  // kernel took.
  TestServer server;
  const std::string body(20'000, 'b');
  server.handler.answer = [&](Exchange& exchange) { exchange.respond(200, "text/plain", body); };
  TestClient client = server.connect();
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += get("/");
  std::string_view rest = requests;
  for (int i = 0; i < 200; ++i) {
    rest.remove_prefix(client.send(rest));
    server.turn();
  }
  EXPECT_LT(static_cast<std::size_t>(server.handler.requests) * body.size(), kEnough);
}

TEST(Limits, EndingConnectionsNeedsNoMemory) {
  // Out of memory must not end the process where connections are let go: those paths are noexcept.
  TestServer server;
  server.handler.answer = [](Exchange& exchange) {
    if (exchange.request().path == "/") exchange.respond(200, "text/plain", "");
  };
  std::list<TestClient> clients;
  for (int i = 0; i < 300; ++i) {
    clients.emplace_back(server.connect());
    clients.back().send(get(i % 3 == 0 ? "/" : "/waits", i % 2 == 0 ? "" : "Connection: close\r\n"));
    if (i % 5 == 0) clients.back().send("GET /half");
    if (i % 10 == 9) server.settle();
  }
  for (int i = 0; i < 60; ++i) server.turn();
  ASSERT_GT(server.connections.size(), 200U);
  for (TestClient& client : clients) client.close();
  allocations = 0;
  server.connections.close_all();
  server.turn();
  EXPECT_EQ(allocations, 0U);
  EXPECT_EQ(server.connections.size(), 0U);
}

TEST(Limits, ASlotIsUsedAgain) {
  TestServer server;
  ExchangeId id;
  server.handler.answer = [&](Exchange& exchange) {
    id = exchange.id();
    exchange.respond(200, "text/plain", "");
  };
  for (int i = 0; i < 1000; ++i) {
    TestClient client = server.connect();
    server.ask(client, get("/", "Connection: close\r\n"));
    ASSERT_LT(id.slot, 2U);
  }
}

}  // namespace
}  // namespace data_bridge::http::h1
