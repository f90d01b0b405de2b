// How long a client may take: bodies by their rate, slow readers, no limit at all.
#include <gtest/gtest.h>

#include <list>
#include <string>

#include "http/listener.hpp"
#include "http/server_testing.hpp"

namespace data_bridge::http::h1 {
namespace {

TEST(Deadlines, ABodyMayPauseButNotTrickleForEver) {
  Options options = TestServer::impatient();
  options.limits.body_timeout = milliseconds(200);
  options.limits.min_body_rate = 10'000;
  TestServer server(options);
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n";
  TestClient slow = server.connect();
  slow.send(head);
  const auto begun = runtime::Clock::now();
  std::string answer;
  auto next = begun;
  EXPECT_TRUE(server.until([&] {
    if (runtime::Clock::now() > next) {
      slow.send("x");  // a twentieth of the rate, and never silent
      next = runtime::Clock::now() + milliseconds(2);
    }
    answer += slow.read();
    return slow.ended();
  }));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 408 ")) << answer;
  EXPECT_GE(runtime::Clock::now() - begun, milliseconds(190));
}

TEST(Deadlines, ABodyThatNobodyReadsMayNotTrickleEither) {
  Options options = TestServer::impatient();
  options.limits.body_timeout = milliseconds(200);
  options.limits.min_body_rate = 10'000;
  TestServer server(options);
  server.handler.mode = [](const Request&) { return BodyMode::kStream; };
  server.handler.answer = [](Exchange& exchange) { exchange.respond(200, "text/plain", "early"); };
  for (const std::string_view framing :
       {"Content-Length: 1000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nfffff\r\n"}) {
    TestClient slow = server.connect();
    slow.send("POST / HTTP/1.1\r\nHost: h\r\n" + std::string(framing));
    std::string answer;
    auto next = runtime::Clock::now();
    EXPECT_TRUE(server.until([&] {
      if (runtime::Clock::now() > next) {
        slow.send("x");
        next = runtime::Clock::now() + milliseconds(2);
      }
      answer += slow.read();
      return slow.ended();
    }));
    EXPECT_EQ(answer, ok("early"));
  }
}

TEST(Deadlines, ABodyThatIsFastEnoughIsTakenHoweverLongItTakes) {
  Options options = TestServer::impatient();
  options.limits.body_timeout = milliseconds(300);
  options.limits.min_body_rate = 1'000;
  TestServer server(options);
  TestClient client = server.connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
  const auto begun = runtime::Clock::now();
  std::size_t sent = 0;
  while (runtime::Clock::now() - begun < milliseconds(900)) {
    // Some 10,000 bytes a second, in pieces with pauses.
    const auto due = static_cast<std::size_t>((runtime::Clock::now() - begun) / milliseconds(100)) * 1000;
    if (sent < due) sent += client.send(std::string(due - sent, 'x'));
    server.turn(milliseconds(1));
  }
  sent += client.send(std::string(100'000 - sent, 'x'));
  ASSERT_EQ(sent, 100'000U);
  std::string answer;
  EXPECT_TRUE(server.until([&] { return (answer += client.read()).ends_with('x'); }));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer.substr(0, 100);
}

TEST(Deadlines, TimeInWhichNobodyTakesTheBodyIsNotTheClients) {
  Options options = TestServer::impatient();
  TestServer server(options);
  server.handler.mode = [](const Request&) { return BodyMode::kStream; };
  TestListener listener;
  ExchangeId id;
  listener.on_piece = [](Exchange& exchange) { exchange.pause_body(); };
  listener.on_end = [](Exchange& exchange) { exchange.respond(200, "text/plain", ""); };
  server.handler.answer = [&](Exchange& exchange) {
    id = exchange.id();
    exchange.set_listener(&listener);
  };
  TestClient client = server.connect();
  server.ask(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab");
  const auto until = runtime::Clock::now() + milliseconds(150);
  while (runtime::Clock::now() < until) server.turn(milliseconds(5));
  Exchange* const exchange = server.connections.find(id);
  ASSERT_NE(exchange, nullptr);
  exchange->resume_body();
  EXPECT_EQ(server.ask(client, "cd"), ok(""));
}

TEST(Deadlines, AClientThatReadsSlowlyIsNotIdle) {
  Options options = TestServer::impatient();
  options.limits.send_timeout = std::chrono::seconds(60);
  TestServer server(options);
  const std::string body(3'000'000, 'x');
  server.handler.answer = [&](Exchange& exchange) { exchange.respond(200, "text/plain", body); };
  TestClient client = server.connect();
  client.send(get("/") + get("/"));
  const auto until = runtime::Clock::now() + milliseconds(150);
  while (runtime::Clock::now() < until) server.turn(milliseconds(5));
  std::size_t received = 0;
  EXPECT_TRUE(server.until([&] {
    received += client.read().size();
    return received == 2 * ok(body).size();
  })) << received;
  client.send(get("/"));
  EXPECT_TRUE(server.until([&] {
    received += client.read().size();
    return received == 3 * ok(body).size();
  })) << received;
}

TEST(Deadlines, WithoutTimeToBeIdleAConnectionClosesBehindItsLastAnswer) {
  Options options = TestServer::without_date();
  options.limits.idle_timeout = milliseconds(0);
  TestServer server(options);
  TestClient client = server.connect();
  server.settle();
  EXPECT_EQ(server.ask(client, get("/a") + get("/b")), ok("/a|") + ok("/b|"));
  server.settle();
  client.read();
  EXPECT_TRUE(client.ended());
}

TEST(Deadlines, ZeroSwitchesThemOff) {
  Options options = TestServer::impatient();
  Limits& limits = options.limits;
  limits.head_timeout = limits.body_timeout = limits.send_timeout = milliseconds(0);
  limits.idle_timeout = std::chrono::hours(1);
  TestServer server(options);
  TestClient fresh = server.connect();
  TestClient idle = server.connect();
  TestClient head = server.connect();
  TestClient body = server.connect();
  EXPECT_EQ(server.ask(idle, get("/")), ok("/|"));
  server.ask(head, "GET / HTTP/1.1\r\n");
  server.ask(body, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel");
  const auto until = runtime::Clock::now() + milliseconds(150);
  while (runtime::Clock::now() < until) server.turn(milliseconds(5));
  EXPECT_EQ(server.ask(fresh, get("/")), ok("/|"));
  EXPECT_EQ(server.ask(idle, get("/")), ok("/|"));
  EXPECT_EQ(server.ask(head, "Host: h\r\n\r\n"), ok("/|"));
  EXPECT_EQ(server.ask(body, "lo"), ok("/|hello"));
}

}  // namespace
}  // namespace data_bridge::http::h1
