// A stop that loses no request, and listeners of several lanes and processes.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <poll.h>
#include <unistd.h>

#include <list>
#include <string>
#include <thread>

#include "http/listener.hpp"
#include "http/server_testing.hpp"
#include "runtime/handshakes.hpp"

namespace data_bridge::http {
namespace {

TEST(Drain, AnswersWhatWasSentBeforeAnIdleConnectionCloses) {
  Options options = TestServer::without_date();
  options.limits.drain_timeout = milliseconds(0);
  TestServer server(options);
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/1")), ok("/1|"));
  client.send(get("/2"));  // in the kernel: no turn has seen it
  bool done = false;
  server.connections.drain(std::chrono::seconds(60), [&] { done = true; });
  server.reactor.finish_turn();
  EXPECT_TRUE(server.until([&] { return done; }));
  EXPECT_EQ(client.read(), ok("/2|", "connection: close\r\n"));
  EXPECT_TRUE(client.ended());
}

TEST(Drain, WaitsForTheNextRequestOfAClientThatWasJustServed) {
  Options options = TestServer::without_date();
  options.limits.drain_timeout = std::chrono::seconds(2);  // ends with the request, long before
  TestServer server(options);
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/1")), ok("/1|"));
  bool done = false;
  server.connections.drain(std::chrono::seconds(60), [&] { done = true; });
  server.settle();
  EXPECT_EQ(server.ask(client, get("/2")), ok("/2|", "connection: close\r\n"));
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(done);
}

TEST(Drain, WaitsBehindATurnThatTookLong) {
  Options options = TestServer::without_date();
  options.limits.drain_timeout = milliseconds(200);
  TestServer server(options);
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/1")), ok("/1|"));
  bool done = false;
  server.connections.drain(std::chrono::seconds(60), [&] { done = true; });
  std::this_thread::sleep_for(milliseconds(250));  // as a handler in the turn that was asked to drain
  server.reactor.finish_turn();
  server.settle();
  EXPECT_EQ(server.ask(client, get("/2")), ok("/2|", "connection: close\r\n"));
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(done);
}

TEST(Drain, DoesNotWaitForEverForTheNextRequest) {
  Options options = TestServer::without_date();
  options.limits.drain_timeout = milliseconds(10);
  TestServer server(options);
  TestClient served = server.connect();
  TestClient fresh = server.connect();
  EXPECT_EQ(server.ask(served, get("/")), ok("/|"));
  bool done = false;
  server.connections.drain(std::chrono::seconds(60), [&] { done = true; });
  EXPECT_TRUE(server.until([&] { return done; }));
  EXPECT_EQ(served.read() + fresh.read(), "");
  EXPECT_TRUE(served.ended() && fresh.ended());
}

TEST(Drain, DoesNotWaitForAClientThatDoesNotCloseBehindItsLastAnswer) {
  Options options = TestServer::without_date();
  options.limits.drain_timeout = milliseconds(10);
  TestServer server(options);
  TestClient before = server.connect();
  before.send("no request\r\n\r\n");
  server.settle();
  TestClient after = server.connect();
  const auto begun = runtime::Clock::now();
  bool done = false;
  server.connections.drain(std::chrono::seconds(60), [&] { done = true; });
  after.send("no request\r\n\r\n");
  EXPECT_TRUE(server.until([&] { return done; }));
  EXPECT_LT(runtime::Clock::now() - begun, options.limits.linger_timeout / 2);
  EXPECT_TRUE(before.read().starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(after.read().starts_with("HTTP/1.1 400 "));
}

TEST(Drain, WaitsForAClientThatStillSendsBehindItsLastAnswer) {
  Options options = TestServer::without_date();
  options.limits.drain_timeout = milliseconds(10);
  TestServer server(options);
  TestClient client = server.connect();
  client.send("no request\r\n\r\n");
  bool done = false;
  server.connections.drain(std::chrono::seconds(60), [&] { done = true; });
  const auto until = runtime::Clock::now() + milliseconds(200);
  while (runtime::Clock::now() < until) {
    client.send("more");
    server.settle();
    ASSERT_FALSE(done);
  }
  EXPECT_TRUE(server.until([&] { return done; }));
}

TEST(Drain, DoesNotWaitForABodyThatNobodyReads) {
  Options options = TestServer::without_date();
  options.limits.drain_timeout = milliseconds(10);
  for (const std::string_view framing :
       {"Content-Length: 100000000\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\nffffff\r\nx"}) {
    TestServer server(options);
    server.handler.mode = [](const Request&) { return BodyMode::kStream; };
    server.handler.answer = [](Exchange& exchange) { exchange.respond(200, "text/plain", "early"); };
    TestClient client = server.connect();
    EXPECT_EQ(server.ask(client, "POST / HTTP/1.1\r\nHost: h\r\n" + std::string(framing)), ok("early"));
    const auto begun = runtime::Clock::now();
    bool done = false;
    server.connections.drain(std::chrono::seconds(60), [&] { done = true; });
    EXPECT_TRUE(server.until([&] {
      client.send("x");  // whatever it hears
      return done;
    }));
    EXPECT_LT(runtime::Clock::now() - begun, options.limits.linger_timeout / 2);
  }
}

TEST(Drain, AnAnswerThatDidNotSayCloseIsNotTheLast) {
  Options options = TestServer::without_date();
  options.limits.drain_timeout = std::chrono::seconds(2);
  TestServer server(options);
  ExchangeId id;
  server.handler.answer = [&](Exchange& exchange) {
    if (exchange.request().path != "/begun") return exchange.respond(200, "text/plain", "next");
    id = exchange.id();
    exchange.start(200, std::span<const Header>{});
  };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/begun")), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
  bool done = false;
  server.connections.drain(std::chrono::seconds(60), [&] { done = true; });
  server.settle();
  server.connections.find(id)->finish();
  server.settle();
  EXPECT_EQ(client.read(), "0\r\n\r\n");
  EXPECT_EQ(server.ask(client, get("/")), ok("next", "connection: close\r\n"));
  EXPECT_TRUE(done);
}

TEST(Listener, ALastAnswerIsNotLostToWhatWasSentBehindIt) {
  // close(2) resets a TCP connection for what was not read, and the client may lose the answer to that.
  TestServer server;
  Listener listener(server.reactor, listen_anywhere(), {server.connections.mailbox()});
  const std::uint16_t port = runtime::local_address(listener.fd()).port;
  ASSERT_FALSE(listener.start());
  TestClient client(connect_to(port).release());
  client.send(get("/", "Connection: close\r\n"));
  std::string answer;
  server.handler.answer = [&](Exchange& exchange) {
    exchange.respond(200, "text/plain", "last");
    client.send(get("/behind"));  // comes while the answer leaves
  };
  EXPECT_TRUE(server.until([&] {
    answer += client.read();
    return client.ended();
  }));
  EXPECT_EQ(answer, ok("last", "connection: close\r\n"));
  EXPECT_FALSE(client.was_reset());
}

TEST(Listener, CountsTheConnectionsOfAllTargets) {
  Options options = TestServer::without_date();
  options.limits.max_connections = 3;
  options.connection_count = std::make_shared<ConnectionCount>();
  TestServer server(options);
  Connections second(server.reactor, server.handler, options);
  Connections third(server.reactor, server.handler, options);
  Listener listener(server.reactor, listen_anywhere(),
                    {server.connections.mailbox(), second.mailbox(), third.mailbox()});
  const std::uint16_t port = runtime::local_address(listener.fd()).port;
  ASSERT_FALSE(listener.start());
  std::list<TestClient> clients;
  for (int i = 0; i < 9; ++i) clients.emplace_back(connect_to(port).release());
  server.settle();
  EXPECT_EQ(server.connections.size() + second.size() + third.size(), 3U);
  std::size_t answered = 0;
  for (TestClient& client : clients) client.send(get("/", "Connection: close\r\n"));
  EXPECT_TRUE(server.until([&] {
    for (TestClient& client : clients) answered += client.read().empty() ? 0 : 1;
    return answered == 9;
  })) << answered;
  server.settle();
  EXPECT_EQ(options.connection_count->load(), 0U);
}

TEST(Listener, EmptiesItsBacklogBeforeItCloses) {
  TestServer server;
  Listener listener(server.reactor, listen_anywhere(), {server.connections.mailbox()});
  const std::uint16_t port = runtime::local_address(listener.fd()).port;
  ASSERT_FALSE(listener.start());
  std::list<TestClient> clients;
  for (int i = 0; i < 40; ++i) {
    clients.emplace_back(connect_to(port).release());
    clients.back().send(get("/"));
  }
  bool done = false;
  listener.drain([&] { server.connections.drain(std::chrono::seconds(60), [&] { done = true; }); });
  EXPECT_TRUE(server.until([&] { return done; }));
  for (TestClient& client : clients) EXPECT_EQ(client.read(), ok("/|", "connection: close\r\n"));
  EXPECT_FALSE(connect_to(port));
}

TEST(Listener, NobodyComesBetweenItsLastLookAndTheClose) {
  for (const auto sharing : {Listener::Sharing::kNobody, Listener::Sharing::kProcesses}) {
    TestServer server;
    runtime::FileDescriptor socket = listen_anywhere();
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(runtime::local_address(socket.get()).port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const runtime::FileDescriptor open_still(dup(socket.get()));  // between the look and the close
    Listener listener(server.reactor, std::move(socket), {server.connections.mailbox()}, sharing);
    ASSERT_FALSE(listener.start());
    listener.drain([] {});
    const runtime::FileDescriptor late(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    static_cast<void>(connect(late.get(), reinterpret_cast<sockaddr*>(&to), sizeof to));
    pollfd ready{.fd = late.get(), .events = POLLOUT, .revents = 0};
    const bool is_connected = poll(&ready, 1, 200) == 1;  // a second goes by before it asks again
    // Another process that has the socket as well takes who comes.
    EXPECT_EQ(is_connected, sharing == Listener::Sharing::kProcesses);
  }
}

/// Begins to connect and does not hear the answer until hear().
class DeafClient {
 public:
  explicit DeafClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    const sock_fprog filter{.len = 1, .filter = &nothing};
    EXPECT_EQ(setsockopt(fd_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter), 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), -1);
    EXPECT_EQ(errno, EINPROGRESS);
  }
  void hear() {
    const int unused = 0;
    EXPECT_EQ(setsockopt(fd_.get(), SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused), 0);
  }
  runtime::FileDescriptor release() { return std::move(fd_); }

 private:
  runtime::FileDescriptor fd_;
};

TEST(Listener, WaitsForAHandshakeThatIsUnderWay) {
  // Its client may take itself for connected and have sent a request, while the listener has not heard of that yet.
  TestServer server;
  Listener listener(server.reactor, listen_anywhere(), {server.connections.mailbox()});
  const std::uint16_t port = runtime::local_address(listener.fd()).port;
  ASSERT_FALSE(listener.start());
  EXPECT_EQ(runtime::handshakes_under_way(listener.fd()), 0U);
  DeafClient slow(port);
  const DeafClient never(port);
  EXPECT_EQ(runtime::handshakes_under_way(listener.fd()), 2U);
  const auto begun = runtime::Clock::now();
  bool done = false;
  listener.drain([&] { done = true; });
  server.settle();
  EXPECT_FALSE(done);
  slow.hear();  // the answer, which the kernel sends again after a second
  EXPECT_TRUE(server.until([&] { return server.connections.size() == 1; }));
  EXPECT_EQ(runtime::handshakes_under_way(listener.fd()), 1U);
  TestClient client(slow.release().release());
  EXPECT_EQ(server.ask(client, get("/")), ok("/|"));
  EXPECT_FALSE(done);
  EXPECT_TRUE(server.until([&] { return done; }));
  EXPECT_GE(runtime::Clock::now() - begun, Listener::kHandshake);
  EXPECT_FALSE(connect_to(port));
}

TEST(Listener, SharesASocketInTurn) {
  // Two processes that watch one socket; here, two Reactors.
  TestServer one;
  TestServer two;
  runtime::FileDescriptor socket = listen_anywhere();
  const std::uint16_t port = runtime::local_address(socket.get()).port;
  runtime::FileDescriptor copy(dup(socket.get()));
  Listener first(one.reactor, std::move(socket), {one.connections.mailbox()}, Listener::Sharing::kProcesses);
  Listener second(two.reactor, std::move(copy), {two.connections.mailbox()}, Listener::Sharing::kProcesses);
  ASSERT_FALSE(first.start());
  ASSERT_FALSE(second.start());
  std::list<TestClient> clients;
  for (int i = 0; i < 10; ++i) {
    clients.emplace_back(connect_to(port).release());
    one.settle();
    two.settle();
  }
  EXPECT_EQ(one.connections.size() + two.connections.size(), 10U);
  first.stop();
  clients.emplace_back(connect_to(port).release());
  two.settle();
  EXPECT_EQ(one.connections.size() + two.connections.size(), 11U) << "who stops takes nothing away from the other";
}

}  // namespace
}  // namespace data_bridge::http
