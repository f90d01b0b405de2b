// HTTP/1.1 over a stream that is no socket, and that moves as little as it may.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <list>
#include <string>
#include <vector>

#include "http/echo_testing.hpp"
#include "http/server_testing.hpp"
#include "http/stream_testing.hpp"

namespace data_bridge::http::h1 {
namespace {

/// The client says `says`, and goes on when it has heard `hears`.
struct Step {
  std::string says;
  std::string hears;
};

struct Script {
  std::string name;
  std::vector<Step> steps;
  bool leaves = false;  ///< the client says goodbye at the end; else the server closes
};

std::vector<Script> scripts() {
  const std::string close = "Connection: close\r\n";
  const std::string body = "Transfer-Encoding: chunked\r\n";
  const std::string pieces = "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: t\r\n\r\n";
  const std::string post = "POST /body HTTP/1.1\r\nHost: h\r\n";
  return {
      {"plain", {{get("/plain", close), ""}}},
      {"content_length", {{post + close + "Content-Length: 11\r\n\r\nhello world", ""}}},
      {"chunked", {{post + close + body + "\r\n" + pieces, ""}}},
      {"chunked_to_a_stream", {{"POST /stream HTTP/1.1\r\nHost: h\r\n" + close + body + "\r\n" + pieces, ""}}},
      {"pipelined",
       {{get("/1") + post + "Content-Length: 3\r\n\r\nabc" + get("/chunks") + get("/later") + get("/4", close), ""}}},
      {"http10", {{"GET /chunks HTTP/1.0\r\n\r\n", ""}}},
      {"expect",
       {{post + close + "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n", "100 Continue\r\n\r\n"}, {"body", ""}}},
      {"refused", {{get("/1") + "GET /\x01 HTTP/1.1\r\n\r\n", ""}}},
      {"upgrade",
       {{get("/echo", "Connection: upgrade\r\nUpgrade: echo\r\n") + "early ", "early "}, {"and late", "and late"}},
       true},
  };
}

struct ScriptedServer : TestServer {
  std::list<TestListener> listeners;

  ScriptedServer() {
    handler.mode = [](const Request& head) { return head.path == "/stream" ? BodyMode::kStream : BodyMode::kBuffer; };
    handler.answer = [this](Exchange& exchange) { answer(exchange); };
  }

  void answer(Exchange& exchange) {
    const std::string path(exchange.request().path);
    if (path == "/echo") {
      EXPECT_TRUE(exchange.upgrade(std::array<Header, 1>{{{"upgrade", "echo"}}}, make_echo));
    } else if (path == "/chunks") {
      exchange.start(200, {});
      for (const std::string_view piece : {"one", "two", "three"}) exchange.write(piece);
      exchange.finish();
    } else if (path == "/later") {
      exchange.ref().post([](Exchange& later) { later.respond(200, "text/plain", "late"); });
    } else if (path == "/stream") {
      TestListener& listener = listeners.emplace_back();
      // Whole, since its pieces depend on the reads.
      listener.on_end = [&listener](Exchange& at_end) { at_end.respond(200, "text/plain", listener.body); };
      exchange.set_listener(&listener);
    } else {
      exchange.respond(200, "text/plain", path + "|" + std::string(exchange.body()));
    }
  }
};

std::string over_a_socket(const Script& script) {
  ScriptedServer server;
  TestClient client = server.connect();
  std::string heard;
  std::size_t from = 0;
  for (const Step& step : script.steps) {
    client.send(step.says);
    EXPECT_TRUE(server.until([&] {
      heard += client.read();
      return client.ended() || (!step.hears.empty() && heard.find(step.hears, from) != std::string::npos);
    }));
    from = heard.size();
  }
  if (script.leaves) {
    client.half_close();
    EXPECT_TRUE(server.until([&] {
      heard += client.read();
      return client.ended();
    }));
  }
  return heard;
}

/// What one turn moves, by what has been moved before.
struct Flow {
  std::size_t cut = 0;   ///< a turn ends at this byte, at least
  std::size_t step = 0;  ///< 0: all there is, else so many at once
  std::size_t moved = 0;

  [[nodiscard]] std::size_t next() const {
    std::size_t most = step == 0 ? std::size_t{1} << 20 : step;
    if (moved < cut) most = std::min(most, cut - moved);
    return most;
  }
};

std::string over_memory(const Script& script, Flow in, Flow out) {
  constexpr int kMostTurns = 10'000;
  MemoryPeer peer;
  ScriptedServer server;
  server.connections.adopt(std::make_unique<MemoryStream>(peer));
  std::size_t from = 0;
  const auto pump = [&](const auto& done) {
    for (int i = 0; i < kMostTurns && !done(); ++i) {
      const std::size_t unread = peer.to_server.size();
      const std::size_t written = peer.from_server.size();
      peer.turn(in.next(), out.next());
      server.turn();
      in.moved += unread - peer.to_server.size();
      out.moved += peer.from_server.size() - written;
    }
    EXPECT_TRUE(done()) << script.name << " stands still after " << peer.from_server;
  };
  for (const Step& step : script.steps) {
    peer.to_server += step.says;
    pump([&] {
      return peer.server_ended || (!step.hears.empty() && peer.from_server.find(step.hears, from) != std::string::npos);
    });
    from = peer.from_server.size();
  }
  peer.half_closed = true;
  pump([&] { return peer.closed; });
  EXPECT_EQ(server.connections.size(), 0U);
  EXPECT_EQ(Echo::alive, 0);
  return peer.from_server;
}

class OverMemory : public ::testing::TestWithParam<Script> {};

TEST_P(OverMemory, AnswersAsOverASocketInEveryCutOfWhatIsRead) {
  const std::string expected = over_a_socket(GetParam());
  std::size_t size = 0;
  for (const Step& step : GetParam().steps) size += step.says.size();
  for (std::size_t cut = 0; cut < size; ++cut) {
    ASSERT_EQ(over_memory(GetParam(), {.cut = cut}, {}), expected) << "the first read ends at " << cut;
  }
}

TEST_P(OverMemory, AnswersAsOverASocketInEveryCutOfWhatIsWritten) {
  const std::string expected = over_a_socket(GetParam());
  for (std::size_t cut = 0; cut < expected.size(); ++cut) {
    ASSERT_EQ(over_memory(GetParam(), {}, {.cut = cut}), expected) << "the first write ends at " << cut;
  }
}

TEST_P(OverMemory, AnswersAsOverASocketInSmallPieces) {
  const std::string expected = over_a_socket(GetParam());
  for (std::size_t in = 1; in < 8; ++in) {
    for (std::size_t out = 1; out < 8; ++out) {
      ASSERT_EQ(over_memory(GetParam(), {.step = in}, {.step = out}), expected) << in << " in, " << out << " out";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Scripts, OverMemory, ::testing::ValuesIn(scripts()),
                         [](const auto& script) { return script.param.name; });

TEST(MemoryStream, ALargeAnswerIsGatheredAndResumed) {
  MemoryPeer peer;
  TestServer server;
  const std::string body(300'000, 'x');
  const std::string expected = ok(body);
  server.handler.answer = [&](Exchange& exchange) { exchange.respond(200, "text/plain", body); };
  server.connections.adopt(std::make_unique<MemoryStream>(peer));
  peer.to_server = get("/");
  for (int i = 0; i < 1000 && peer.from_server.size() < expected.size(); ++i) {
    peer.turn(1 << 20, 1'000);
    server.turn();
  }
  EXPECT_TRUE(peer.from_server == expected);
}

}  // namespace
}  // namespace data_bridge::http::h1
