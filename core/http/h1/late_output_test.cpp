// The pieces that an answer's author writes in one turn: in how many sends they leave, and when.
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "http/server_testing.hpp"

namespace data_bridge::http::h1 {
namespace {

using namespace std::chrono_literals;

/// A stream whose client gets what each send(2) has sent by itself.
struct StreamedAnswer : TestServer {
  ExchangeId id;
  runtime::FileDescriptor client;

  explicit StreamedAnswer(std::string_view request = get("/")) {
    handler.answer = [this](Exchange& exchange) { id = exchange.id(); };
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    client = runtime::FileDescriptor(ends[1]);
    runtime::SocketAddress peer;
    peer.family = runtime::SocketAddress::Family::kUnix;
    connections.adopt(runtime::FileDescriptor(ends[0]), peer);
    send(client.get(), request.data(), request.size(), 0);
    settle();
  }
  Exchange& exchange() { return *connections.find(id); }
  void begin() {
    exchange().start(200, {});
    exchange().flush_soon();
  }
  void write(std::string_view piece) {
    exchange().write(piece);
    exchange().flush_soon();
  }
  /// What has come, a send(2) each, after a wait for the first of them.
  [[nodiscard]] std::vector<std::string> receive(std::chrono::milliseconds wait) const {
    pollfd readable{.fd = client.get(), .events = POLLIN, .revents = 0};
    poll(&readable, 1, static_cast<int>(wait.count()));
    std::vector<std::string> sends;
    std::string room(1 << 20, '\0');
    for (;;) {
      const ssize_t count = recv(client.get(), room.data(), room.size(), MSG_DONTWAIT);
      if (count <= 0) return sends;
      sends.emplace_back(room, 0, static_cast<std::size_t>(count));
    }
  }
  /// Without another turn.
  [[nodiscard]] std::string receive_until(std::size_t size) const {
    std::string text;
    while (text.size() < size) {
      const std::vector<std::string> sends = receive(2s);
      if (sends.empty()) return text;
      for (const std::string& sent : sends) text += sent;
    }
    return text;
  }
};

std::string joined(const std::vector<std::string>& sends) {
  std::string text;
  for (const std::string& sent : sends) text += sent;
  return text;
}

const std::string kHead = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

TEST(LateOutput, TheFirstLeavesAtOnceTheOthersTogether) {
  StreamedAnswer answer;
  answer.begin();
  EXPECT_EQ(joined(answer.receive(0ms)), kHead);
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    answer.write("abc");
    expected += "3\r\nabc\r\n";
  }
  answer.exchange().finish();
  answer.settle();
  const std::vector<std::string> sends = answer.receive(0ms);
  EXPECT_EQ(joined(sends), expected + "0\r\n\r\n");
  EXPECT_LT(sends.size(), 100U);  // one, unless this thread has been made to wait
}

TEST(LateOutput, APieceLeavesHoweverLongTheTurnIs) {
  StreamedAnswer answer;
  answer.begin();
  answer.write("abc");
  answer.write("def");
  EXPECT_EQ(answer.exchange().unsent(), 16U);
  const std::string expected = kHead + "3\r\nabc\r\n3\r\ndef\r\n";
  EXPECT_EQ(answer.receive_until(expected.size()), expected);
  answer.write("ghi");
  EXPECT_EQ(answer.receive_until(8), "3\r\nghi\r\n");
  answer.write("last");
  answer.exchange().finish();
  answer.settle();
  EXPECT_EQ(joined(answer.receive(0ms)), "4\r\nlast\r\n0\r\n\r\n");
}

TEST(LateOutput, MuchLeavesAtOnce) {
  StreamedAnswer answer;
  answer.begin();
  const std::string piece(5000, 'p');
  for (int i = 0; i < 4; ++i) answer.write(piece);
  EXPECT_GE(joined(answer.receive(0ms)).size(), kHead.size() + 4 * piece.size());
  EXPECT_EQ(answer.exchange().unsent(), 0U);
}

TEST(LateOutput, TheEndOfAConnectionLosesNothing) {
  StreamedAnswer answer;
  answer.begin();
  answer.write("abc");
  answer.write("def");
  answer.exchange().abort();
  EXPECT_EQ(joined(answer.receive(0ms)), kHead + "3\r\nabc\r\n3\r\ndef\r\n");

  StreamedAnswer cut;
  cut.begin();
  cut.write("abc");
  cut.write("def");
  cut.connections.close_all();
  EXPECT_EQ(joined(cut.receive(0ms)), kHead + "3\r\nabc\r\n3\r\ndef\r\n");
}

TEST(LateOutput, AClientThatLeavesMeanwhile) {
  StreamedAnswer answer;
  answer.begin();
  answer.write("abc");
  answer.client.reset();
  answer.write("def");
  std::this_thread::sleep_for(5ms);
  answer.write("ghi");
  answer.settle();
  EXPECT_EQ(answer.connections.size(), 0U);
}

TEST(LateOutput, TheNextAnswerComesBehindIt) {
  StreamedAnswer answer(get("/1") + get("/2"));
  answer.begin();
  answer.write("abc");
  answer.write("def");
  answer.exchange().finish();
  answer.settle();
  answer.exchange().respond(200, "text/plain", "second");
  answer.settle();
  EXPECT_EQ(joined(answer.receive(0ms)), kHead + "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n" + ok("second"));
}

}  // namespace
}  // namespace data_bridge::http::h1
