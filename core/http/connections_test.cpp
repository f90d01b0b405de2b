// Many connections: deadlines, drain, limits, accepting, threads, memory.
#include "http/connections.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <list>
#include <thread>

#include "http/listener.hpp"
#include "http/server_testing.hpp"
#include "runtime/sanitizers.hpp"

namespace data_bridge::http {
namespace {

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(Deadlines, ASlowHeadIsA408WhileOthersAreServed) {
  TestServer server(TestServer::impatient());
  TestClient slow = server.connect();
  const std::string request = get("/", "X: " + std::string(100'000, 'y') + "\r\n");
  std::size_t sent = 0;
  std::string answer;
  int served = 0;
  EXPECT_TRUE(server.until([&] {
    if (sent < request.size()) sent += slow.send(request.substr(sent, 1));  // never silent, and never done
    TestClient other = server.connect();
    served += server.ask(other, get("/x")) == ok("/x|") ? 1 : 0;
    answer += slow.read();
    return slow.ended();
  }));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n")) << answer;
  EXPECT_GT(served, 3);
}

TEST(Deadlines, AnIdleConnectionIsClosedWithoutAWord) {
  TestServer server(TestServer::impatient());
  TestClient fresh = server.connect();
  TestClient used = server.connect();
  EXPECT_EQ(server.ask(used, get("/")), ok("/|"));
  const auto begun = runtime::Clock::now();
  EXPECT_TRUE(server.until([&] { return server.connections.size() == 0; }));
  EXPECT_GE(runtime::Clock::now() - begun, milliseconds(35));
  EXPECT_EQ(fresh.read() + used.read(), "");
  EXPECT_TRUE(fresh.ended() && used.ended());
}

TEST(Deadlines, ABodyThatStopsIsA408) {
  TestServer server(TestServer::impatient());
  TestClient client = server.connect();
  server.ask(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel");
  std::string answer;
  EXPECT_TRUE(server.until([&] {
    answer += client.read();
    return client.ended();
  }));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 408 ")) << answer;
  EXPECT_EQ(server.handler.requests, 0);
}

TEST(Deadlines, AHandlerMayTakeItsTime) {
  TestServer server(TestServer::impatient());
  ExchangeId id;
  server.handler.answer = [&](Exchange& exchange) { id = exchange.id(); };
  TestClient client = server.connect();
  server.ask(client, get("/"));
  const auto until = runtime::Clock::now() + milliseconds(150);
  while (runtime::Clock::now() < until) server.turn(milliseconds(5));
  Exchange* const exchange = server.connections.find(id);
  ASSERT_NE(exchange, nullptr);
  exchange->respond(200, "text/plain", "late");
  server.settle();
  EXPECT_EQ(client.read(), ok("late"));
}

TEST(Deadlines, AClientThatNeverReadsIsCutOff) {
  TestServer server(TestServer::impatient());
  TestListener listener;
  server.handler.answer = [&](Exchange& exchange) {
    exchange.set_listener(&listener);
    exchange.start(200, {});
    exchange.write(std::string(10'000'000, 'x'));  // NOLINT(bugprone-string-constructor): more than any socket buffer
  };
  TestClient client = server.connect();
  server.ask(client, "");
  client.send(get("/"));
  EXPECT_TRUE(server.until([&] { return server.connections.size() == 0; }));
  EXPECT_EQ(listener.disconnects, 1);
}

TEST(Drain, ClosesIdleConnectionsAndLetsTheOthersFinish) {
  Options options = TestServer::without_date();
  options.limits.drain_timeout = milliseconds(0);
  TestServer server(options);
  ExchangeId id;
  server.handler.answer = [&](Exchange& exchange) {
    if (exchange.request().path == "/slow") {
      id = exchange.id();
    } else {
      exchange.respond(200, "text/plain", "fast");
    }
  };
  TestClient idle = server.connect();
  EXPECT_EQ(server.ask(idle, get("/")), ok("fast"));
  TestClient busy = server.connect();
  server.ask(busy, get("/slow"));
  TestClient begun = server.connect();
  server.ask(begun, "GET / HTTP/1.1\r\n");
  bool done = false;
  server.connections.drain(std::chrono::seconds(60), [&] { done = true; });
  server.settle();
  idle.read();
  EXPECT_TRUE(idle.ended());
  EXPECT_EQ(server.ask(begun, "Host: h\r\n\r\n"), ok("fast", "connection: close\r\n"));
  EXPECT_FALSE(done);
  TestClient late = server.connect();
  server.settle();
  EXPECT_EQ(server.ask(late, get("/")), ok("fast", "connection: close\r\n")) << "it was on its way from another lane";
  server.connections.find(id)->respond(200, "text/plain", "slow");
  server.settle();
  EXPECT_EQ(busy.read(), ok("slow", "connection: close\r\n"));
  EXPECT_TRUE(done);
  EXPECT_EQ(server.connections.mailbox()->load(), 0U);
}

TEST(Drain, CutsOffWhatIsLeftAfterTheGraceTime) {
  TestServer server;
  TestListener listener;
  server.handler.answer = [&](Exchange& exchange) { exchange.set_listener(&listener); };
  TestClient client = server.connect();
  server.ask(client, get("/"));
  bool done = false;
  server.connections.drain(milliseconds(20), [&] { done = true; });
  EXPECT_TRUE(server.until([&] { return done; }));
  EXPECT_EQ(listener.disconnects, 1);
}

TEST(Drain, WithoutConnectionsIsDoneAtTheTurnsEnd) {
  TestServer server;
  bool done = false;
  server.connections.drain(std::chrono::seconds(60), [&] { done = true; });
  EXPECT_FALSE(done);
  server.turn();
  EXPECT_TRUE(done);
}

TEST(Connections, EndOfTheServerTellsListeners) {
  TestListener listener;
  {
    TestServer server;
    server.handler.answer = [&](Exchange& exchange) { exchange.set_listener(&listener); };
    TestClient client = server.connect();
    server.ask(client, get("/"));
  }
  EXPECT_EQ(listener.disconnects, 1);
}

TEST(Connections, AHandlerMayEndTheConnectionOfAnother) {
  TestServer server;
  ExchangeId waiting;
  TestListener listener;
  server.handler.answer = [&](Exchange& exchange) {
    if (exchange.request().path == "/wait") {
      waiting = exchange.id();
      exchange.set_listener(&listener);
      return;
    }
    if (Exchange* const other = server.connections.find(waiting)) other->abort();
    exchange.respond(200, "text/plain", "done");
  };
  TestClient one = server.connect();
  TestClient two = server.connect();
  server.ask(one, get("/wait"));
  one.send("x");  // both have something to read in the turn in which one is ended by the other
  EXPECT_EQ(server.ask(two, get("/end")), ok("done"));
  one.read();
  EXPECT_TRUE(one.ended());
  EXPECT_EQ(server.connections.size(), 1U);
}

TEST(Listener, AcceptsOnTcpAndNamesThePeer) {
  TestServer server;
  Listener listener(server.reactor, listen_anywhere(), {server.connections.mailbox()});
  const std::uint16_t port = runtime::local_address(listener.fd()).port;
  ASSERT_FALSE(listener.start());
  std::string names;
  server.handler.answer = [&](Exchange& exchange) {
    names = std::string(exchange.client_host()) + " " + std::to_string(exchange.client_port()) + " " +
            std::string(exchange.server_host()) + " " + std::to_string(exchange.server_port());
    exchange.respond(200, "text/plain", "");
  };
  TestClient client(connect_to(port).release());
  client.send(get("/"));
  EXPECT_TRUE(server.until([&] { return !names.empty(); }));
  EXPECT_EQ(names, "127.0.0.1 " + std::to_string(runtime::local_address(client.fd()).port) + " 127.0.0.1 " +
                       std::to_string(port));
}

TEST(Listener, StopsAcceptingAtTheLimitInsteadOfTurningAway) {
  Options options = TestServer::without_date();
  options.limits.max_connections = 2;
  TestServer server(options);
  Listener listener(server.reactor, listen_anywhere(), {server.connections.mailbox()});
  const std::uint16_t port = runtime::local_address(listener.fd()).port;
  ASSERT_FALSE(listener.start());
  std::list<TestClient> clients;
  for (int i = 0; i < 3; ++i) clients.emplace_back(connect_to(port).release());
  server.settle();
  EXPECT_EQ(server.connections.size(), 2U);
  EXPECT_EQ(server.reactor.size(), 2U) << "the listener is not watched, lest it spin";
  for (TestClient& client : clients) client.send(get("/"));
  clients.pop_front();
  std::string answer;
  EXPECT_TRUE(server.until([&] { return !(answer += clients.back().read()).empty(); }));
  EXPECT_EQ(answer, ok("/|"));
}

TEST(Listener, RecoversFromRunningOutOfDescriptors) {
  TestServer server;
  Listener listener(server.reactor, listen_anywhere(), {server.connections.mailbox()});
  const std::uint16_t port = runtime::local_address(listener.fd()).port;
  ASSERT_FALSE(listener.start());
  TestClient client(connect_to(port).release());
  client.send(get("/"));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 3;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  server.settle();
  const std::size_t watched = server.reactor.size();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(watched, 0U) << "the listener is not watched, lest it spin";
  std::string answer;
  EXPECT_TRUE(server.until([&] { return !(answer += client.read()).empty(); }));
  EXPECT_EQ(answer, ok("/|"));
}

TEST(Listener, DealsConnectionsOutToTheReactorsOfSeveralThreads) {
  TestServer server;
  runtime::Reactor other_reactor;
  TestHandler other_handler;
  auto other = std::make_unique<Connections>(other_reactor, other_handler, TestServer::without_date());
  Listener listener(server.reactor, listen_anywhere(), {server.connections.mailbox(), other->mailbox()});
  const std::uint16_t port = runtime::local_address(listener.fd()).port;
  ASSERT_FALSE(listener.start());
  std::thread thread([&] { other_reactor.run(); });
  constexpr std::size_t kClients = 40;
  std::list<TestClient> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.emplace_back(connect_to(port).release());
    clients.back().send(get("/"));
    server.settle();
  }
  std::size_t answered = 0;
  for (TestClient& client : clients) {
    std::string answer;
    EXPECT_TRUE(server.until([&] { return !(answer += client.read()).empty(); }));
    answered += answer == ok("/|") ? 1 : 0;
  }
  EXPECT_EQ(answered, kClients);
  EXPECT_EQ(server.connections.mailbox()->load(), kClients / 2);
  EXPECT_EQ(other->mailbox()->load(), kClients / 2);
  std::atomic<bool> gone{false};
  other_reactor.post([&] { other->drain(milliseconds(0), [&] { gone = true; }); });
  while (!gone) std::this_thread::yield();
  other_reactor.stop();
  thread.join();
  EXPECT_EQ(other->mailbox()->load(), 0U);
}

TEST(Connections, AnIdleConnectionCostsLessThanAPage) {
  if (DATA_BRIDGE_SANITIZED_MEMORY) GTEST_SKIP() << "a sanitizer's own memory would be measured";
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t count = std::min<std::size_t>(5'000, limit.rlim_cur / 2 - 100);
  TestServer server;
  std::list<TestClient> clients;
  clients.emplace_back(server.connect());
  EXPECT_EQ(server.ask(clients.back(), get("/")), ok("/|"));
  const std::size_t before = resident_bytes();
  for (std::size_t i = 0; i < count; ++i) {
    clients.emplace_back(server.connect());
    // Each was busy once, with a request in two parts: what it borrowed for that was given back.
    clients.back().send("GET / HTTP/1.1\r\n");
    server.turn();
    clients.back().send("Host: h\r\n\r\n");
    server.turn();
    ASSERT_EQ(clients.back().read(), ok("/|"));
  }
  const std::size_t each = (resident_bytes() - before) / count;
  RecordProperty("bytes_per_idle_connection", static_cast<int>(each));
  EXPECT_LT(each, 1024U);
}

}  // namespace
}  // namespace data_bridge::http
