// A WebSocket connection between two threads, with an application that knows no Python.
#include "bridge/conversation/websocket_conversation.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "http/server_testing.hpp"
#include "websocket/reading_testing.hpp"

namespace data_bridge::bridge {
namespace {

using data_bridge::websocket::close_payload;
using data_bridge::websocket::frame;
using data_bridge::websocket::FrameHead;
using data_bridge::websocket::Opcode;
using data_bridge::websocket::text_frame;
using http::get;
using http::TestClient;
using std::chrono::milliseconds;
using State = WebSocketConversation::State;
using Event = WebSocketConversation::Event;

constexpr std::string_view kAsk =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n";
constexpr std::string_view kSwitched =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

std::string server_frame(Opcode opcode, std::string_view payload) {
  return std::string(FrameHead(opcode, payload.size()).view()) + std::string(payload);
}
std::string client_close(std::uint16_t code) {
  return frame({.opcode = Opcode::kClose, .payload = close_payload(code, "")});
}

class TestWebSocket final : public WebSocketConversation {
 public:
  TestWebSocket(http::Exchange& exchange, std::shared_ptr<const http::ws::Options> options, bool local)
      : WebSocketConversation(exchange, *http::ws::read_handshake(exchange.request(), true), std::move(options),
                              local) {}
  ~TestWebSocket() override = default;

  /// What the application's loop would do: woken() on its thread.
  void work() {
    if (due_.exchange(false)) woken();
  }
  [[nodiscard]] bool due() const { return due_; }
  int wakes = 0;
  bool woken_by_an_end = false;

 private:
  void wake() noexcept override {
    ++wakes;
    woken_by_an_end = closing();
    due_ = true;
  }
  std::atomic<bool> due_ = false;
};

/// A server whose application is this test, on the connection's thread.
struct WsServer : http::TestServer {
  std::shared_ptr<http::ws::Options> options = std::make_shared<http::ws::Options>();
  std::shared_ptr<TestWebSocket> conversation;
  bool local;

  explicit WsServer(bool local_ = true) : local(local_) {
    handler.answer = [this](http::Exchange& exchange) {
      conversation = std::make_shared<TestWebSocket>(exchange, options, local);
      conversation->begin(exchange);
    };
  }
  TestClient ask_for_one() {
    TestClient client = connect();
    EXPECT_EQ(ask(client, get("/", kAsk)), "");
    return client;
  }
  TestClient open() {
    TestClient client = ask_for_one();
    conversation->accept({}, "");
    settle();
    EXPECT_EQ(client.read(), kSwitched);
    return client;
  }
  std::string heard() {
    std::string text;
    while (auto event = conversation->receive()) {
      switch (event->kind) {
        case Event::Kind::kText:
          text += "text " + event->text;
          break;
        case Event::Kind::kBinary:
          text += "bytes " + event->text;
          break;
        case Event::Kind::kDisconnect:
          text += "disconnect " + std::to_string(event->code) + (event->has_reason ? " '" + event->text + "'" : "");
          break;
      }
      text += "\n";
    }
    return text;
  }
};

class WebSocketConversationTest : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Layouts, WebSocketConversationTest, ::testing::Bool(),
                         [](const auto& layout) { return layout.param ? "Local" : "Remote"; });

TEST_P(WebSocketConversationTest, MessagesBothWays) {
  WsServer server(GetParam());
  TestClient client = server.open();
  EXPECT_EQ(server.heard(), "");
  EXPECT_EQ(server.ask(client, text_frame("hi") + frame({.opcode = Opcode::kBinary, .payload = "b"})), "");
  EXPECT_EQ(server.conversation->wakes, 1) << "once, until it is woken";
  server.conversation->work();
  EXPECT_EQ(server.heard(), "text hi\nbytes b\n");
  server.conversation->send(Opcode::kText, "hello");
  server.conversation->send(Opcode::kBinary, "");
  server.settle();
  EXPECT_EQ(client.read(), server_frame(Opcode::kText, "hello") + server_frame(Opcode::kBinary, ""));
}

TEST_P(WebSocketConversationTest, WhatIsSentWith101FollowsIt) {
  WsServer server(GetParam());
  TestClient client = server.ask_for_one();
  const http::Header field{"x-a", "1"};
  const http::Header close{"connection", "close"};
  server.conversation->accept(std::array{field, close}, "chat");
  server.conversation->send(Opcode::kText, "at once");
  server.conversation->close(3000, "done");
  server.settle();
  std::string head(kSwitched.substr(0, kSwitched.size() - 2));
  EXPECT_EQ(client.read(), head + "x-a: 1\r\nSec-WebSocket-Protocol: chat\r\n\r\n" +
                               server_frame(Opcode::kText, "at once") +
                               server_frame(Opcode::kClose, close_payload(3000, "done")));
  EXPECT_EQ(server.conversation->state(), State::kClosed);
  EXPECT_FALSE(client.ended());
  server.ask(client, client_close(1000));
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(server.heard(), "disconnect 3000 'done'\ndisconnect 1005\n");
}

TEST_P(WebSocketConversationTest, TheClientsClose) {
  WsServer server(GetParam());
  TestClient client = server.open();
  EXPECT_FALSE(server.conversation->receive());
  server.ask(client, text_frame("last") + client_close(1001));
  server.conversation->work();
  const auto message = server.conversation->receive();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->text, "last");
  EXPECT_FALSE(server.conversation->gone()) << "in the step that waited for it";
  const auto end = server.conversation->receive();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 1001);
  EXPECT_TRUE(server.conversation->closing());
  EXPECT_FALSE(server.conversation->gone()) << "in the step that hears of it";
  server.conversation->work();
  EXPECT_TRUE(server.conversation->gone());
  EXPECT_EQ(server.heard(), "disconnect 1005\n");
}

// The application may be on another thread, and answer the message before the rest of the read is looked at.
TEST_P(WebSocketConversationTest, AMessageIsHeardWithTheCloseBehindIt) {
  WsServer server(GetParam());
  TestClient client = server.open();
  EXPECT_EQ(server.heard(), "");
  server.ask(client, text_frame("x") + text_frame("y") + client_close(1000));
  EXPECT_EQ(server.conversation->wakes, 1);
  EXPECT_TRUE(server.conversation->woken_by_an_end);
  EXPECT_EQ(server.heard(), "text x\ntext y\ndisconnect 1000 ''\ndisconnect 1005\n");
}

TEST_P(WebSocketConversationTest, TheClientsCloseWhileNobodyWaits) {
  WsServer server(GetParam());
  TestClient client = server.open();
  server.ask(client, text_frame("last") + client_close(1001));
  EXPECT_TRUE(server.conversation->gone());
  EXPECT_TRUE(server.conversation->receive());
  EXPECT_TRUE(server.conversation->receive());
  EXPECT_TRUE(server.conversation->gone());
}

TEST_P(WebSocketConversationTest, AClientThatLeaves) {
  WsServer server(GetParam());
  {
    TestClient client = server.open();
    client.close();
    server.settle();
    EXPECT_TRUE(server.conversation->gone());
    EXPECT_FALSE(server.conversation->closing());
    EXPECT_EQ(server.heard(), "disconnect 1005\n");
    server.conversation->send(Opcode::kText, "nobody");
    server.conversation->end();
    server.settle();
  }
  TestClient client = server.ask_for_one();
  client.close();
  server.settle();
  EXPECT_TRUE(server.conversation->gone());
  server.conversation->accept({}, "");
  server.settle();
  EXPECT_EQ(server.heard(), "disconnect 1006\n");
}

TEST_P(WebSocketConversationTest, Refusals) {
  WsServer server(GetParam());
  constexpr std::string_view kRest =
      "Connection: close\r\nContent-Length: 0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
  TestClient client = server.ask_for_one();
  server.conversation->refuse();
  EXPECT_FALSE(server.conversation->gone());
  server.settle();
  EXPECT_EQ(client.read(), "HTTP/1.1 403 Forbidden\r\n" + std::string(kRest));
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(server.heard(), "disconnect 1006\ndisconnect 1005\n");

  TestClient denied = server.ask_for_one();
  server.conversation->begin_denial(401, {{"X-A", "1"}, {"content-type", "a/b"}});
  server.conversation->deny("n", true);
  server.settle();
  EXPECT_EQ(denied.read(), "");
  server.conversation->deny("o", false);
  server.settle();
  EXPECT_EQ(
      denied.read(),
      "HTTP/1.1 401 Unauthorized\r\nX-A: 1\r\ncontent-type: a/b\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_TRUE(denied.ended());
  EXPECT_EQ(server.heard(), "disconnect 1006\ndisconnect 1006\n");
}

TEST_P(WebSocketConversationTest, EndsOnce) {
  WsServer server(GetParam());
  TestClient before = server.ask_for_one();
  server.conversation->end();
  server.settle();
  EXPECT_TRUE(before.read().starts_with("HTTP/1.1 500 "));
  EXPECT_TRUE(before.ended());

  TestClient denying = server.ask_for_one();
  server.conversation->begin_denial(400, {});
  server.conversation->end();
  server.settle();
  EXPECT_EQ(denying.read(), "");
  EXPECT_TRUE(denying.ended());

  TestClient open = server.open();
  server.conversation->send(Opcode::kText, "last");
  server.conversation->end();
  server.settle();
  EXPECT_EQ(open.read(), server_frame(Opcode::kText, "last"));
  EXPECT_TRUE(open.ended());

  TestClient closed = server.open();
  server.conversation->close(1000, "");
  server.conversation->end();
  server.settle();
  closed.read();
  EXPECT_FALSE(closed.ended()) << "the client's close frame is waited for";

  TestClient unopened = server.ask_for_one();
  server.conversation->accept({}, "");
  server.conversation->end();
  server.settle();
  EXPECT_EQ(unopened.read(), kSwitched);
  EXPECT_TRUE(unopened.ended());
}

TEST_P(WebSocketConversationTest, ACloseBehindAFailureIsNoMore) {
  WsServer server(GetParam());
  TestClient client = server.open();
  server.ask(client, frame({.payload = "x", .masked = false}));
  EXPECT_EQ(server.conversation->state(), State::kClosed);
  EXPECT_EQ(server.heard(), "disconnect 1002 'incorrect masking'\ndisconnect 1005\n");
}

TEST_P(WebSocketConversationTest, WaitingMessagesAreBounded) {
  WsServer server(GetParam());
  server.options->max_queue = 4;
  TestClient client = server.open();
  std::string many;
  for (int i = 0; i < 20; ++i) many += text_frame(std::to_string(i));
  server.ask(client, many + frame({.opcode = Opcode::kPing, .payload = "p"}));
  int taken = 0;
  while (server.conversation->receive()) ++taken;
  EXPECT_EQ(taken, GetParam() ? 20 : 4) << "where they come at once, taking makes room for the next";
  std::string answer;
  EXPECT_TRUE(server.until([&] {
    while (server.conversation->receive()) ++taken;
    answer += client.read();
    return taken == 20 && !answer.empty();
  }));
  EXPECT_EQ(answer, server_frame(Opcode::kPong, "p"));
}

TEST_P(WebSocketConversationTest, WaitingBytesAreBounded) {
  WsServer server(GetParam());
  TestClient client = server.open();
  const std::string large = text_frame(std::string(50'000, 'x'));
  std::size_t sent = 0;
  for (int i = 0; i < 100; ++i) {
    sent += client.send(large);
    server.turn();
  }
  EXPECT_LT(sent, 2'000'000U);
  std::size_t bytes = 0;
  EXPECT_TRUE(server.until([&] {
    while (auto event = server.conversation->receive()) bytes += event->text.size();
    return bytes + 60'000 >= sent;
  }));
}

TEST_P(WebSocketConversationTest, SendingWaitsForTheClient) {
  WsServer server(GetParam());
  TestClient client = server.open();
  const std::string piece(50'000, 'x');
  int sent = 0;
  while (!server.conversation->must_wait_to_send() && sent < 200) {
    server.conversation->send(Opcode::kBinary, piece);
    ++sent;
    if (!server.local) server.settle();
  }
  EXPECT_LT(sent, 200);
  EXPECT_TRUE(server.conversation->send_paused());
  server.conversation->work();
  std::size_t heard = 0;
  EXPECT_TRUE(server.until([&] {
    heard += client.read().size();
    return !server.conversation->send_paused();
  }));
  EXPECT_TRUE(server.conversation->due());
  EXPECT_FALSE(server.conversation->must_wait_to_send());
}

TEST_P(WebSocketConversationTest, AClientThatLeavesWakesWhoWaitsToSend) {
  WsServer server(GetParam());
  TestClient client = server.open();
  server.conversation->send(Opcode::kBinary, std::string(3'000'000, 'x'));
  server.settle();
  EXPECT_TRUE(server.conversation->must_wait_to_send());
  client.close();
  server.settle();
  EXPECT_TRUE(server.conversation->due());
  EXPECT_FALSE(server.conversation->send_paused());
  EXPECT_TRUE(server.conversation->gone());
}

TEST_P(WebSocketConversationTest, ADrainIs1012) {
  WsServer server(GetParam());
  TestClient client = server.open();
  bool done = false;
  server.connections.drain(std::chrono::seconds(60), [&] { done = true; });
  server.settle();
  EXPECT_EQ(client.read(), server_frame(Opcode::kClose, close_payload(1012, "")));
  EXPECT_TRUE(server.conversation->closing());
  EXPECT_EQ(server.heard(), "disconnect 1012\ndisconnect 1005\n");
  client.close();
  EXPECT_TRUE(server.until([&] { return done; }));
}

TEST_P(WebSocketConversationTest, OutlivesTheServer) {
  std::shared_ptr<TestWebSocket> conversation;
  {
    WsServer server(GetParam());
    TestClient client = server.open();
    conversation = server.conversation;
  }
  EXPECT_TRUE(conversation->gone());
  conversation->send(Opcode::kText, "x");
  conversation->close(1000, "");
  conversation->end();
}

TEST_P(WebSocketConversationTest, A101ThatCannotBeIsAnEnd) {
  WsServer server(GetParam());
  TestClient client = server.ask_for_one();
  server.conversation->accept({}, "no\nline");
  server.settle();
  EXPECT_TRUE(client.read().starts_with("HTTP/1.1 500 "));
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(server.conversation->gone());
  EXPECT_EQ(server.heard(), "disconnect 1005\n");
}

TEST_P(WebSocketConversationTest, A101ThatNeverLeavesIsAnEnd) {
  WsServer server(GetParam());
  TestClient client = server.ask_for_one();
  server.conversation->accept({}, "");
  if (!server.local) {
    server.reactor.wait(milliseconds(1000));
    server.reactor.dispatch();
  }
  server.connections.close_all();
  server.reactor.finish_turn();
  EXPECT_TRUE(server.conversation->gone());
  EXPECT_EQ(server.heard(), "disconnect 1005\n");
}

// The application on a thread of its own echoes until the client closes.
TEST(WebSocketConversationThreadsTest, Echo) {
  WsServer server(false);
  TestClient client = server.ask_for_one();
  std::shared_ptr<TestWebSocket> conversation = server.conversation;
  std::atomic<bool> over = false;
  int echoed = 0;
  std::thread application([&] {
    conversation->accept({}, "");
    while (true) {
      conversation->work();
      const auto event = conversation->receive();
      if (!event) {
        std::this_thread::yield();
        continue;
      }
      if (event->kind == Event::Kind::kDisconnect) break;
      while (conversation->must_wait_to_send()) {
        conversation->work();
        std::this_thread::yield();
      }
      conversation->send(Opcode::kText, event->text);
      ++echoed;
    }
    conversation->end();
    over = true;
  });
  constexpr int kMessages = 2000;
  std::string expected(kSwitched);
  std::string unsent;
  for (int i = 0; i < kMessages; ++i) {
    const std::string text = std::to_string(i) + std::string(static_cast<std::size_t>(i % 300), 'x');
    expected += server_frame(Opcode::kText, text);
    unsent += text_frame(text);
  }
  std::string heard;
  EXPECT_TRUE(server.until([&] {
    unsent.erase(0, client.send(std::string_view(unsent).substr(0, 10'000)));
    heard += client.read();
    return heard.size() >= expected.size();
  }));
  EXPECT_EQ(heard, expected);
  client.send(client_close(1000));
  EXPECT_TRUE(server.until([&] { return over.load(); }));
  application.join();
  EXPECT_EQ(echoed, kMessages);
}

}  // namespace
}  // namespace data_bridge::bridge
