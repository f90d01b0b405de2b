// An exchange that hands its connection over to another protocol.
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <stdexcept>
#include <string>

#include "http/echo_testing.hpp"
#include "http/server_testing.hpp"

namespace data_bridge::http {
namespace {

constexpr std::string_view kAsk = "Connection: keep-alive, Upgrade\r\nUpgrade: echo\r\n";
constexpr std::string_view kSwitched =
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n";
constexpr std::array<Header, 1> kEchoField{{{"upgrade", "echo"}}};

void upgrade_to_echo(Exchange& exchange) {
  if (!exchange.upgrade(kEchoField, make_echo)) exchange.respond(426, "text/plain", "no");
}

struct UpgradeTest : ::testing::Test {
  void TearDown() override { EXPECT_EQ(Echo::alive, 0); }
};

TEST_F(UpgradeTest, AnotherProtocolGoesOnWithTheConnection) {
  TestServer server;
  TestListener listener;
  server.handler.answer = [&](Exchange& exchange) {
    exchange.set_listener(&listener);
    upgrade_to_echo(exchange);
  };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/", kAsk)), kSwitched);
  EXPECT_EQ(listener.answers, 1);
  EXPECT_EQ(server.ask(client, "hello"), "hello");
  EXPECT_EQ(server.ask(client, get("/")), get("/")) << "what looks like a request is none any more";
  EXPECT_EQ(server.connections.size(), 1U);
  EXPECT_EQ(server.handler.requests, 1);
  client.half_close();
  server.settle();
  EXPECT_EQ(server.connections.size(), 0U);
  EXPECT_EQ(server.connections.mailbox()->load(), 0U);
}

TEST_F(UpgradeTest, WhatCameBehindTheRequestIsTheNextProtocols) {
  TestServer server;
  server.handler.answer = upgrade_to_echo;
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/", kAsk) + "GET / early"), std::string(kSwitched) + "GET / early");
  TestClient other = server.connect();
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n" + std::string(kAsk) + "\r\nbodyearly";
  EXPECT_EQ(server.ask(other, post), std::string(kSwitched) + "early");
  EXPECT_EQ(server.ask(other, "late"), "late");
}

TEST_F(UpgradeTest, MayBeDecidedLater) {
  TestServer server;
  ExchangeRef waiting;
  server.handler.answer = [&](Exchange& exchange) { waiting = exchange.ref(); };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/", kAsk) + "behind"), "");
  waiting.post([](Exchange& exchange) {
    upgrade_to_echo(exchange);
    exchange.flush();
  });
  server.settle();
  EXPECT_EQ(client.read(), std::string(kSwitched) + "behind");
  EXPECT_EQ(waiting.find(), nullptr);
}

TEST_F(UpgradeTest, IsForThoseWhoAskForIt) {
  TestServer server;
  server.handler.answer = upgrade_to_echo;
  const auto refused = [&](const std::string& request) {
    TestClient client = server.connect();
    return server.ask(client, request).starts_with("HTTP/1.1 426 ");
  };
  EXPECT_TRUE(refused(get("/")));
  EXPECT_TRUE(refused(get("/", "Upgrade: echo\r\n"))) << "not named in Connection";
  EXPECT_TRUE(refused(get("/", "Connection: upgrade\r\n")));
  EXPECT_TRUE(refused("GET / HTTP/1.0\r\nHost: h\r\n" + std::string(kAsk) + "\r\n"));
  EXPECT_FALSE(refused(get("/", kAsk)));
}

TEST_F(UpgradeTest, ThatCannotBeChangesNothing) {
  TestServer server;
  TestListener listener;
  server.handler.mode = [](const Request&) { return BodyMode::kStream; };
  server.handler.answer = [&](Exchange& exchange) {
    exchange.set_listener(&listener);
    EXPECT_FALSE(exchange.upgrade(kEchoField, make_echo)) << "the body is still to come";
  };
  listener.on_end = [](Exchange& exchange) {
    EXPECT_FALSE(exchange.upgrade({}, make_echo)) << "no protocol is named";
    EXPECT_FALSE(exchange.upgrade(std::array<Header, 1>{{{"upgrade", "e\r\n"}}}, make_echo));
    EXPECT_FALSE(exchange.upgrade(std::array<Header, 2>{{{"upgrade", "e"}, {"connection", "close"}}}, make_echo));
    exchange.start(200, {});
    EXPECT_FALSE(exchange.upgrade(kEchoField, make_echo)) << "an answer has begun";
    exchange.finish();
    EXPECT_FALSE(exchange.upgrade(kEchoField, make_echo));
  };
  TestClient client = server.connect();
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n" + std::string(kAsk) + "\r\n";
  EXPECT_EQ(server.ask(client, head + "body") + server.ask(client, ""),
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
  server.handler.mode = [](const Request&) { return BodyMode::kBuffer; };
  server.handler.answer = [](Exchange& exchange) { exchange.respond(200, "text/plain", "still HTTP"); };
  EXPECT_EQ(server.ask(client, get("/")), ok("still HTTP"));
}

TEST_F(UpgradeTest, AProtocolThatCannotBeMadeEndsTheConnection) {
  TestServer server;
  server.handler.answer = [](Exchange& exchange) {
    const bool throws = exchange.request().path == "/throws";
    EXPECT_TRUE(exchange.upgrade(
        kEchoField,
        [throws](Protocol::Place, std::unique_ptr<runtime::Stream>, runtime::Buffer) -> std::unique_ptr<Protocol> {
          if (throws) throw std::runtime_error("no");
          return nullptr;
        }));
  };
  for (const std::string_view path : {"/throws", "/null"}) {
    TestClient client = server.connect();
    EXPECT_EQ(server.ask(client, get(path, kAsk)), kSwitched);
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(server.connections.size(), 0U);
  }
}

TEST_F(UpgradeTest, IsDrained) {
  TestServer server;
  server.handler.answer = upgrade_to_echo;
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/", kAsk)), kSwitched);
  bool done = false;
  server.connections.drain(std::chrono::seconds(60), [&] { done = true; });
  EXPECT_TRUE(server.until([&] { return done; }));
  EXPECT_EQ(client.read(), "bye");
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(server.connections.mailbox()->load(), 0U);
}

TEST_F(UpgradeTest, WithinADrainIsDrainedToo) {
  TestServer server;
  ExchangeRef waiting;
  server.handler.answer = [&](Exchange& exchange) { waiting = exchange.ref(); };
  TestClient client = server.connect();
  server.ask(client, get("/", kAsk));
  bool done = false;
  server.connections.drain(std::chrono::seconds(60), [&] { done = true; });
  server.settle();
  EXPECT_FALSE(done);
  ASSERT_NE(waiting.find(), nullptr);
  upgrade_to_echo(*waiting.find());
  EXPECT_TRUE(server.until([&] { return done; }));
  EXPECT_EQ(client.read(), std::string(kSwitched) + "bye");
}

TEST_F(UpgradeTest, IsCutOffWithAllOthers) {
  TestServer server;
  server.handler.answer = upgrade_to_echo;
  TestClient client = server.connect();
  TestClient switching = server.connect();
  EXPECT_EQ(server.ask(client, get("/", kAsk)), kSwitched);
  client.send("lost");
  switching.send(get("/", kAsk));
  server.reactor.wait(milliseconds(1000));
  server.reactor.dispatch();
  server.connections.close_all();  // 101 has not left yet
  server.reactor.finish_turn();
  EXPECT_EQ(server.connections.size(), 0U);
  EXPECT_EQ(server.connections.mailbox()->load(), 0U);
  client.read();
  EXPECT_TRUE(client.ended());
  // The slots are free again.
  TestClient next = server.connect();
  EXPECT_EQ(server.ask(next, get("/", kAsk) + "x"), std::string(kSwitched) + "x");
}

TEST_F(UpgradeTest, EndsWithTheServer) {
  std::optional<TestServer> server(std::in_place);
  server->handler.answer = upgrade_to_echo;
  TestClient client = server->connect();
  EXPECT_EQ(server->ask(client, get("/", kAsk)), kSwitched);
  EXPECT_EQ(Echo::alive, 1);
  server.reset();
  client.read();
  EXPECT_TRUE(client.ended());
}

TEST_F(UpgradeTest, HasDeadlinesOfItsOwnInTheSameSweep) {
  TestServer server(TestServer::impatient());
  server.handler.answer = upgrade_to_echo;
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/", kAsk)), kSwitched);
  const auto begun = runtime::Clock::now();
  // Longer than any of HTTP's deadlines, and never silent for as long as the protocol's own.
  while (runtime::Clock::now() - begun < milliseconds(120)) {
    client.send("x");
    server.turn(milliseconds(5));
    if (client.ended()) break;
  }
  std::string heard = client.read();
  EXPECT_GE(heard.find_first_not_of('x'), heard.size()) << heard;
  EXPECT_TRUE(server.until([&] {
    heard += client.read();
    return client.ended();
  }));
  EXPECT_TRUE(heard.ends_with("timeout")) << heard;
  EXPECT_EQ(server.connections.size(), 0U);
}

TEST_F(UpgradeTest, IsClosedByTheNameOfItsExchange) {
  TestServer server;
  ExchangeRef name;
  server.handler.answer = [&](Exchange& exchange) {
    name = exchange.ref();
    upgrade_to_echo(exchange);
  };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/", kAsk) + "x"), std::string(kSwitched) + "x");
  EXPECT_EQ(name.find(), nullptr);
  name.close_connection();
  server.settle();
  client.read();
  EXPECT_TRUE(client.ended());
}

TEST_F(UpgradeTest, IsNotClosedByTheNameOfAnExchangeBeforeIt) {
  TestServer server;
  ExchangeRef name;
  server.handler.answer = [&](Exchange& exchange) {
    if (exchange.request().asks_upgrade) return upgrade_to_echo(exchange);
    name = exchange.ref();
    exchange.respond(200, "text/plain", "failed behind this");
  };
  TestClient client = server.connect();
  server.ask(client, get("/"));
  EXPECT_EQ(server.ask(client, get("/", kAsk) + "x"), std::string(kSwitched) + "x");
  name.close_connection();
  server.settle();
  EXPECT_EQ(server.ask(client, "y"), "y");
  EXPECT_FALSE(client.ended());
}

TEST_F(UpgradeTest, IsTakenBackByNobody) {
  TestServer server;
  ExchangeRef name;
  server.handler.answer = [&](Exchange& exchange) {
    name = exchange.ref();
    upgrade_to_echo(exchange);
    exchange.respond(200, "text/plain", "no");
    exchange.abort();
    name.close_connection_here();  // once 101 has left
  };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/", kAsk)), kSwitched);
  EXPECT_TRUE(client.ended());
}

}  // namespace
}  // namespace data_bridge::http
