// A WebSocket connection over a socket pair: messages, closes, failures, deadlines, bounds.
#include "http/ws/connection.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/server_testing.hpp"
#include "http/ws/handshake.hpp"
#include "websocket/reading_testing.hpp"

namespace data_bridge::http::ws {
namespace {

using data_bridge::websocket::close_payload;
using data_bridge::websocket::frame;
using data_bridge::websocket::FrameHead;
using data_bridge::websocket::more_frame;
using data_bridge::websocket::Opcode;
using data_bridge::websocket::text_frame;

constexpr std::string_view kAsk =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n";
constexpr std::string_view kSwitched =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nconnection: upgrade\r\n\r\n";

std::string client_frame(Opcode opcode, std::string_view payload) {
  return frame({.opcode = opcode, .payload = payload});
}
std::string client_close(std::uint16_t code, std::string_view reason = "") {
  return client_frame(Opcode::kClose, close_payload(code, reason));
}
std::string server_frame(Opcode opcode, std::string_view payload) {
  return std::string(FrameHead(opcode, payload.size()).view()) + std::string(payload);
}
std::string server_close(std::uint16_t code, std::string_view reason = "") {
  return server_frame(Opcode::kClose, close_payload(code, reason));
}

/// Notes what it hears; sends back what it gets.
struct Ear final : Listener {
  std::string heard;
  Connection* connection = nullptr;
  bool takes = true;
  bool echoes = true;
  bool puts_off = false;
  int drained = 0;
  int reads = 0;  // that had messages, and nothing behind them

  void on_open(Connection& opened) override {
    connection = &opened;
    heard += "open\n";
  }
  bool on_message(Connection& from, Opcode kind, std::string payload) override {
    heard += (kind == Opcode::kText ? "text " : "bytes ") + (payload.size() > 100 ? "long" : payload) + "\n";
    if (echoes) from.send(kind, payload);
    return takes;
  }
  void on_messages_end(Connection&) override { ++reads; }
  bool on_failing(Connection&, bool behind_messages) override {
    if (!behind_messages) return false;
    if (puts_off) heard += "failing\n";
    return puts_off;
  }
  void on_closing(Connection&, const websocket::Close& close, Cause cause) override {
    heard += cause == Cause::kPeer ? "peer " : cause == Cause::kFailed ? "failed " : "restart ";
    heard += std::to_string(close.code) + " " + close.reason + "\n";
  }
  void on_drained(Connection&) override { ++drained; }
  void on_closed() noexcept override {
    heard += "closed\n";
    connection = nullptr;
  }
};

struct WsServer : TestServer {
  std::shared_ptr<Ear> ear = std::make_shared<Ear>();
  std::shared_ptr<ws::Options> options = std::make_shared<ws::Options>();
  std::optional<websocket::DeflateParameters> deflate;

  explicit WsServer(http::Options http = without_date()) : TestServer(std::move(http)) {
    handler.answer = [this](Exchange& exchange) {
      constexpr Header kField{"Upgrade", "websocket"};
      EXPECT_TRUE(exchange.upgrade(
          {&kField, 1},
          [this](Protocol::Place place, std::unique_ptr<runtime::Stream> stream,
                 runtime::Buffer rest) -> std::unique_ptr<Protocol> {
            return std::make_unique<Connection>(place, std::move(stream), std::move(rest), options, deflate, ear);
          },
          1));
    };
  }
  TestClient open() {
    TestClient client = connect();
    EXPECT_EQ(ask(client, get("/", kAsk)), kSwitched);
    return client;
  }
  std::string take_heard() { return std::exchange(ear->heard, {}); }
};

TEST(WsConnectionTest, Echoes) {
  WsServer server;
  TestClient client = server.open();
  EXPECT_EQ(server.ask(client, text_frame("hello")), server_frame(Opcode::kText, "hello"));
  EXPECT_EQ(server.ask(client, client_frame(Opcode::kBinary, "\xff")), server_frame(Opcode::kBinary, "\xff"));
  EXPECT_EQ(server.ask(client, client_frame(Opcode::kPing, "p")), server_frame(Opcode::kPong, "p"));
  EXPECT_EQ(server.ask(client, client_frame(Opcode::kPong, "unasked")), "");
  EXPECT_EQ(server.take_heard(), "open\ntext hello\nbytes \xff\n");
}

TEST(WsConnectionTest, WhatCameBehindTheHandshakeIsRead) {
  WsServer server;
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/", kAsk) + text_frame("early") + text_frame("next").substr(0, 4)),
            std::string(kSwitched) + server_frame(Opcode::kText, "early"));
  EXPECT_EQ(server.ask(client, text_frame("next").substr(4)), server_frame(Opcode::kText, "next"));
}

TEST(WsConnectionTest, ByteByByte) {
  WsServer server;
  TestClient client = server.open();
  const std::string bytes = text_frame("a", false) + more_frame("b") + client_close(1000, "bye");
  std::string answer;
  for (const char byte : bytes) answer += server.ask(client, {&byte, 1});
  EXPECT_EQ(server.ear->reads, 1);
  EXPECT_EQ(answer, server_frame(Opcode::kText, "ab") + server_close(1000, "bye"));
  EXPECT_EQ(server.take_heard(), "open\ntext ab\npeer 1000 bye\nclosed\n");
}

TEST(WsConnectionTest, TheClientsCloseIsEchoedAndTheConnectionEnds) {
  for (const std::string& payload : {close_payload(1000, ""), close_payload(4000, "why"), std::string()}) {
    WsServer server;
    TestClient client = server.open();
    EXPECT_EQ(server.ask(client, client_frame(Opcode::kClose, payload) + text_frame("late")),
              server_frame(Opcode::kClose, payload));
    EXPECT_TRUE(client.ended());
    EXPECT_FALSE(client.was_reset());
    EXPECT_EQ(server.connections.size(), 1U) << "reads on, so that nothing is lost";
    client.close();
    server.settle();
    EXPECT_EQ(server.connections.size(), 0U);
    const std::string what = payload.empty() ? "1005 " : payload.size() == 2 ? "1000 " : "4000 why";
    EXPECT_EQ(server.take_heard(), "open\npeer " + what + "\nclosed\n");
  }
}

TEST(WsConnectionTest, OwnClose) {
  WsServer server;
  TestClient client = server.open();
  server.ear->connection->close(3000, "enough");
  server.settle();
  EXPECT_EQ(client.read(), server_close(3000, "enough"));
  EXPECT_FALSE(client.ended());
  server.ear->connection->send(Opcode::kText, "late");
  server.ear->connection->close(1000, "again");
  server.ear->connection->finish();
  EXPECT_EQ(server.ask(client, text_frame("unheard") + client_frame(Opcode::kPing, "p")),
            server_frame(Opcode::kPong, "p"));
  EXPECT_EQ(server.ask(client, client_close(1000)), "");
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(server.take_heard(), "open\nclosed\n");
}

TEST(WsConnectionTest, OwnCloseWithoutAnAnswer) {
  WsServer server(TestServer::impatient());
  server.options->close_timeout = milliseconds(30);
  TestClient client = server.open();
  server.ear->connection->close(1000, "");
  EXPECT_TRUE(server.until([&] {
    client.read();
    return client.ended();
  }));
  EXPECT_TRUE(server.until([&] { return server.connections.size() == 0; }));
  EXPECT_EQ(server.take_heard(), "open\nclosed\n");
}

TEST(WsConnectionTest, FailsWhatIsNotAllowed) {
  WsServer server;
  server.options->max_size = 10;
  const std::vector<std::pair<std::string, std::pair<std::uint16_t, std::string>>> cases{
      {frame({.payload = "x", .masked = false}), {1002, "incorrect masking"}},
      {text_frame("\xff"), {1007, ""}},
      {text_frame("01234567890"), {1009, "frame with 11 bytes exceeds limit of 10 bytes"}},
  };
  for (const auto& [bytes, expected] : cases) {
    TestClient client = server.open();
    EXPECT_EQ(server.ask(client, text_frame("good") + bytes + text_frame("late")),
              server_frame(Opcode::kText, "good") + server_close(expected.first, expected.second));
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(server.take_heard(),
              "open\ntext good\nfailed " + std::to_string(expected.first) + " " + expected.second + "\nclosed\n");
  }
}

TEST(WsConnectionTest, AFailureBehindAMessageWaitsForItsAnswer) {
  const std::string failure = server_close(1002, "incorrect masking");
  for (const bool by_deadline : {false, true}) {
    WsServer server(TestServer::impatient());
    server.options->close_timeout = std::chrono::milliseconds(by_deadline ? 100 : 60'000);
    server.ear->puts_off = true;
    server.ear->echoes = false;
    TestClient client = server.open();
    EXPECT_EQ(server.ask(client, text_frame("good") + frame({.payload = "x", .masked = false}) + text_frame("late")),
              "");
    EXPECT_EQ(server.take_heard(), "open\ntext good\nfailing\n");
    server.ear->connection->resume_reading();
    server.ear->connection->send(Opcode::kText, "answer");
    server.settle();
    EXPECT_EQ(client.read(), server_frame(Opcode::kText, "answer"));
    if (!by_deadline) server.ear->connection->fail_now();
    std::string rest;
    EXPECT_TRUE(server.until([&] { return (rest += client.read()) == failure; }));
    EXPECT_EQ(server.take_heard().substr(0, 8), "failed 1");
    // Alone in its read it is told at once.
    TestClient other = server.open();
    EXPECT_EQ(server.ask(other, frame({.payload = "x", .masked = false})), failure);
  }
}

TEST(WsConnectionTest, AClientThatLeaves) {
  WsServer server;
  TestClient client = server.open();
  client.close();
  server.settle();
  EXPECT_EQ(server.connections.size(), 0U);
  EXPECT_EQ(server.take_heard(), "open\nclosed\n");
  TestClient other = server.open();
  other.half_close();
  server.settle();
  EXPECT_EQ(server.connections.size(), 0U);
  EXPECT_EQ(server.take_heard(), "open\nclosed\n");
}

TEST(WsConnectionTest, FinishClosesBehindWhatWasWritten) {
  WsServer server;
  TestClient client = server.open();
  server.ear->connection->send(Opcode::kText, "last");
  server.ear->connection->finish();
  server.settle();
  EXPECT_EQ(client.read(), server_frame(Opcode::kText, "last"));
  EXPECT_TRUE(client.ended());
}

TEST(WsConnectionTest, ReadingPausesUntilItIsWanted) {
  WsServer server;
  TestClient client = server.open();
  server.ear->takes = false;
  EXPECT_EQ(server.ask(client, text_frame("1") + text_frame("2") + text_frame("3")), server_frame(Opcode::kText, "1"));
  std::size_t sent = 0;
  const std::string more = client_frame(Opcode::kBinary, std::string(60'000, 'x'));
  for (int i = 0; i < 200; ++i) {
    sent += client.send(more);
    server.turn();
  }
  EXPECT_LT(sent, 3'000'000U) << "the kernel's buffers, and no more";
  EXPECT_EQ(server.take_heard(), "open\ntext 1\n");
  server.ear->connection->resume_reading();
  server.settle();
  EXPECT_EQ(server.take_heard(), "text 2\n");
  server.ear->takes = true;
  server.ear->echoes = false;
  server.ear->connection->resume_reading();
  server.settle();
  EXPECT_TRUE(server.take_heard().starts_with("text 3\nbytes long\n"));
}

TEST(WsConnectionTest, WhoDoesNotReadIsNotKeptInMemory) {
  WsServer server;
  TestClient client = server.open();
  // Pings whose pongs nobody takes: reading stops with them.
  const std::string pings = [] {
    std::string bytes;
    for (int i = 0; i < 500; ++i) bytes += client_frame(Opcode::kPing, std::string(125, 'p'));
    return bytes;
  }();
  std::size_t sent = 0;
  for (int i = 0; i < 400; ++i) {
    sent += client.send(pings);
    server.turn();
  }
  EXPECT_LT(sent, 4'000'000U);
  EXPECT_FALSE(server.ear->connection->has_room());
  std::size_t heard = 0;
  EXPECT_TRUE(server.until([&] {
    heard += client.read().size();
    return server.ear->connection->has_room() && heard + 200 >= sent - (sent / 131) * 4;
  })) << heard
      << " of " << sent;
}

TEST(WsConnectionTest, RoomIsToldOf) {
  WsServer server;
  TestClient client = server.open();
  const std::string large(1'000'000, 'x');
  server.ear->connection->send(Opcode::kBinary, large);
  server.settle();
  EXPECT_FALSE(server.ear->connection->has_room());
  EXPECT_EQ(server.ear->drained, 0);
  std::string heard;
  EXPECT_TRUE(server.until([&] {
    heard += client.read();
    return heard.size() >= large.size() + 10;
  }));
  EXPECT_EQ(heard, server_frame(Opcode::kBinary, large));
  EXPECT_EQ(server.ear->drained, 1);
}

TEST(WsConnectionTest, PingsAreAnsweredOrTheConnectionFails) {
  WsServer server(TestServer::impatient());
  server.options->ping_interval = milliseconds(20);
  server.options->ping_timeout = milliseconds(60);
  TestClient client = server.open();
  std::string heard;
  int pings = 0;
  EXPECT_TRUE(server.until([&] {
    heard += client.read();
    while (heard.size() >= 6 && heard.starts_with("\x89\x04")) {
      client.send(client_frame(Opcode::kPong, heard.substr(2, 4)));
      heard.erase(0, 6);
      ++pings;
    }
    return pings == 5;
  }));
  EXPECT_EQ(heard, "");
  client.send(client_frame(Opcode::kPong, "no answer"));
  EXPECT_TRUE(server.until([&] {
    heard += client.read();
    return client.ended();
  }));
  EXPECT_TRUE(heard.starts_with("\x89\x04")) << "one ping at a time";
  EXPECT_EQ(heard.substr(6), server_close(1011, "keepalive ping timeout"));
  EXPECT_EQ(server.take_heard(), "open\nclosed\n");
}

TEST(WsConnectionTest, APongThatWaitsBehindMessagesIsNotMissed) {
  WsServer server(TestServer::impatient());
  server.options->ping_interval = milliseconds(10);
  server.options->ping_timeout = milliseconds(10);
  TestClient client = server.open();
  server.ear->takes = server.ear->echoes = false;
  client.send(text_frame("nobody takes another"));
  const auto begun = runtime::Clock::now();
  while (runtime::Clock::now() - begun < milliseconds(80)) server.turn(milliseconds(2));
  client.read();
  EXPECT_FALSE(client.ended());
}

TEST(WsConnectionTest, WithoutPings) {
  WsServer server(TestServer::impatient());
  server.options->ping_interval = milliseconds(0);
  TestClient client = server.open();
  const auto begun = runtime::Clock::now();
  while (runtime::Clock::now() - begun < milliseconds(150)) server.turn(milliseconds(5));
  EXPECT_EQ(client.read(), "") << "none of HTTP's deadlines either";
  EXPECT_FALSE(client.ended());
}

TEST(WsConnectionTest, AClientThatTakesNothingIsCutOff) {
  WsServer server(TestServer::impatient());
  server.options->ping_interval = milliseconds(0);
  TestClient client = server.open();
  server.ear->connection->send(Opcode::kBinary, std::string(2'000'000, 'x'));
  EXPECT_TRUE(server.until([&] { return server.connections.size() == 0; }));
  EXPECT_EQ(server.take_heard(), "open\nclosed\n");
}

TEST(WsConnectionTest, IsDrainedWith1012) {
  WsServer server;
  TestClient client = server.open();
  TestClient closing = server.open();
  server.ear->connection->close(1000, "");
  server.settle();
  EXPECT_EQ(closing.read(), server_close(1000));
  server.take_heard();
  bool done = false;
  server.connections.drain(std::chrono::seconds(60), [&] { done = true; });
  server.settle();
  EXPECT_EQ(client.read(), server_close(1012));
  EXPECT_TRUE(client.ended());
  closing.read();
  EXPECT_TRUE(closing.ended()) << "it waits for no answer";
  EXPECT_EQ(server.take_heard(), "restart 1012 \nclosed\nclosed\n");
  client.close();
  closing.close();
  EXPECT_TRUE(server.until([&] { return done; }));
}

TEST(WsConnectionTest, ADrainDoesNotWaitForAClientThatDoesNotClose) {
  WsServer server;
  TestClient failed = server.open();
  failed.send("\xff\xff");
  server.settle();
  TestClient open = server.open();
  const auto begun = runtime::Clock::now();
  bool done = false;
  server.connections.drain(std::chrono::seconds(60), [&] { done = true; });
  EXPECT_TRUE(server.until([&] { return done; }));
  EXPECT_LT(runtime::Clock::now() - begun, Limits{}.linger_timeout / 2);
  EXPECT_EQ(open.read(), server_close(1012));
}

TEST(WsConnectionTest, CompressedBothWays) {
  WsServer server(TestServer::impatient());
  server.deflate = websocket::DeflateParameters{};
  server.options->ping_interval = milliseconds(0);
  TestClient client = server.open();
  websocket::Deflater deflater({});
  websocket::Inflater inflater({.client_max_window_bits = 12});
  for (int i = 0; i < 30; ++i) {
    std::string payload;
    deflater.compress("the same words again and again", payload);
    client.send(frame({.payload = payload, .reserved = 4}));
    std::string answer;
    ASSERT_TRUE(server.until([&] {
      answer += client.read();
      return answer.size() > 2;
    }));
    EXPECT_EQ(static_cast<unsigned char>(answer[0]), 0xc1U);
    std::string message;
    EXPECT_EQ(inflater.inflate(std::string_view(answer).substr(2), 1000, message), websocket::Inflater::Outcome::kGood);
    EXPECT_EQ(inflater.finish(1000, message), websocket::Inflater::Outcome::kGood);
    EXPECT_EQ(message, "the same words again and again");
  }
}

TEST(WsConnectionTest, IsSmallWhileIdle) { EXPECT_LE(sizeof(Connection), 600U); }

}  // namespace
}  // namespace data_bridge::http::ws
