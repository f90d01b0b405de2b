// Bodies both ways: buffered, streamed, refused, unread; backpressure.
#include <gtest/gtest.h>

#include <algorithm>

#include "http/server_testing.hpp"

namespace data_bridge::http::h1 {
namespace {

constexpr const char* kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

BodyMode streams(const Request&) { return BodyMode::kStream; }

TEST(Body, ExpectContinueIsAnsweredAtOnceWhereTheBodyIsBuffered) {
  TestServer server;
  TestClient client = server.connect();
  const std::string head = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  EXPECT_EQ(server.ask(client, head), kContinue);
  EXPECT_EQ(server.ask(client, "hello"), ok("/p|hello"));
  EXPECT_EQ(server.ask(client, head + "hello"), ok("/p|hello")) << "the body did not wait";
  EXPECT_EQ(server.ask(client, head + "he"), "");
  EXPECT_EQ(server.ask(client, "llo"), ok("/p|hello"));
}

TEST(Body, ExpectContinueIsAnsweredWhenAStreamWantsIt) {
  TestServer server;
  server.handler.mode = streams;
  TestListener listener;
  ExchangeId id;
  listener.on_end = [&](Exchange& exchange) { exchange.respond(200, "text/plain", listener.body); };
  server.handler.answer = [&](Exchange& exchange) { id = exchange.id(); };
  TestClient client = server.connect();
  const std::string head = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  EXPECT_EQ(server.ask(client, head), "");
  Exchange* const exchange = server.connections.find(id);
  ASSERT_NE(exchange, nullptr);
  exchange->set_listener(&listener);
  exchange->want_body();
  exchange->want_body();
  server.settle();
  EXPECT_EQ(client.read(), kContinue);
  EXPECT_EQ(server.ask(client, "hello"), ok("hello"));
}

TEST(Body, AClientThatDidNotWaitIsNotToldToContinue) {
  TestServer server;
  server.handler.mode = streams;
  TestListener listener;
  listener.on_piece = [](Exchange& exchange) { exchange.want_body(); };
  listener.on_end = [&](Exchange& exchange) { exchange.respond(200, "text/plain", listener.body); };
  server.handler.answer = [&](Exchange& exchange) { exchange.set_listener(&listener); };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"), "");
  EXPECT_EQ(server.ask(client, "he"), "");
  EXPECT_EQ(server.ask(client, "llo"), ok("hello"));
}

TEST(Body, AnAnswerWithoutTheExpectedBodyCloses) {
  TestServer server;
  server.handler.mode = streams;
  server.handler.answer = [](Exchange& exchange) { exchange.respond(403, "text/plain", "no"); };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"),
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nno");
  EXPECT_TRUE(client.ended());
}

TEST(Body, StreamsInPiecesAndEndsOnce) {
  for (const bool chunked : {false, true}) {
    TestServer server;
    server.handler.mode = streams;
    TestListener listener;
    listener.on_end = [&](Exchange& exchange) { exchange.respond(200, "text/plain", listener.body); };
    server.handler.answer = [&](Exchange& exchange) { exchange.set_listener(&listener); };
    TestClient client = server.connect();
    const std::string head = chunked ? "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                                     : "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n";
    EXPECT_EQ(server.ask(client, head + (chunked ? "3\r\nabc\r\n" : "abc")), "");
    EXPECT_EQ(listener.body, "abc");
    EXPECT_EQ(listener.ends, 0);
    EXPECT_EQ(
        server.ask(client, (chunked ? "3\r\ndef\r\n0\r\n\r\n" : "def") + get("/next")).substr(0, ok("abcdef").size()),
        ok("abcdef"));
    EXPECT_EQ(listener.ends, 2) << "the second is that of the GET, which has no body";
    EXPECT_EQ(listener.body, "abcdef");
  }
}

TEST(Body, AStreamWithoutABodyEndsAtOnce) {
  TestServer server;
  server.handler.mode = streams;
  TestListener listener;
  ExchangeId id;
  listener.on_end = [&](Exchange& exchange) { exchange.respond(200, "text/plain", "done"); };
  server.handler.answer = [&](Exchange& exchange) { id = exchange.id(); };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/")), "");
  server.connections.find(id)->set_listener(&listener);  // later, as a handler on another thread would
  server.settle();
  EXPECT_EQ(client.read(), ok("done"));
  EXPECT_EQ(listener.pieces, 1);
}

TEST(Body, APausedStreamStopsTheSocket) {
  TestServer server;
  server.handler.mode = streams;
  TestListener listener;
  ExchangeId id;
  listener.on_piece = [&](Exchange& exchange) { exchange.pause_body(); };
  listener.on_end = [&](Exchange& exchange) {
    exchange.respond(200, "text/plain", std::to_string(listener.body.size()));
  };
  server.handler.answer = [&](Exchange& exchange) {
    id = exchange.id();
    exchange.set_listener(&listener);
  };
  TestClient client = server.connect();
  constexpr std::size_t kSize = std::size_t{8} * 1024 * 1024;
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n");
  const std::string piece(100'000, 'x');
  std::size_t sent = 0;
  const auto upload = [&] {
    for (int i = 0; i < 50; ++i) {
      while (sent < kSize) {
        const std::size_t count = client.send(std::string_view(piece).substr(0, std::min(piece.size(), kSize - sent)));
        if (count == 0) break;
        sent += count;
      }
      server.settle();
    }
  };
  upload();
  EXPECT_EQ(listener.pieces, 1);
  EXPECT_LT(sent, 2U * 1024 * 1024) << "what is not read waits at the client";
  while (listener.ends == 0) {
    Exchange* const exchange = server.connections.find(id);
    ASSERT_NE(exchange, nullptr);
    exchange->resume_body();
    upload();
  }
  EXPECT_EQ(listener.body.size(), kSize);
  EXPECT_EQ(client.read(), ok(std::to_string(kSize)));
}

TEST(Body, AnUnreadBodyIsDroppedAndTheConnectionGoesOn) {
  TestServer server;
  server.handler.mode = streams;
  server.handler.answer = [](Exchange& exchange) { exchange.respond(200, "text/plain", "early"); };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello"), ok("early"));
  EXPECT_EQ(server.ask(client, "world" + get("/")), ok("early"));
  EXPECT_EQ(server.ask(client, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
            ok("early"));
  EXPECT_EQ(server.ask(client, "0\r\n\r\n" + get("/")), ok("early"));
  EXPECT_FALSE(client.ended());
}

TEST(Body, AnUnreadBodyOfAnySizeIsDropped) {
  TestServer server;
  server.handler.mode = streams;
  server.handler.answer = [](Exchange& exchange) { exchange.respond(200, "text/plain", "early"); };
  constexpr std::size_t kSize = 3'000'000;
  for (const bool chunked : {false, true}) {
    TestClient client = server.connect();
    const std::string head =
        chunked ? "Transfer-Encoding: chunked\r\n\r\n2dc6c0\r\n" : "Content-Length: 3000000\r\n\r\n";
    std::string rest =
        "POST / HTTP/1.1\r\nHost: h\r\n" + head + std::string(kSize, 'x') + (chunked ? "\r\n0\r\n\r\n" : "");
    rest += get("/");
    std::string answers;
    EXPECT_TRUE(server.until([&] {
      rest.erase(0, client.send(rest));
      answers += client.read();
      return answers == ok("early") + ok("early");
    })) << answers;
    EXPECT_FALSE(client.ended());
  }
}

TEST(Body, AnUnreadBodyThatIsTooLargeClosesAndSaysSo) {
  Options options = TestServer::without_date();
  options.limits.max_unread_body = 256 * 1024;
  TestServer server(options);
  server.handler.mode = streams;
  server.handler.answer = [](Exchange& exchange) { exchange.respond(200, "text/plain", "early"); };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\nhello"),
            ok("early", "connection: close\r\n"));
  EXPECT_TRUE(client.ended());
}

TEST(Body, LimitsHoldForBothModes) {
  Options options = TestServer::without_date();
  options.limits.max_body_size = 10;
  options.limits.max_stream_size = 20;
  for (const bool streamed : {false, true}) {
    for (const bool chunked : {false, true}) {
      TestServer server(options);
      TestListener listener;
      if (streamed) server.handler.mode = streams;
      server.handler.answer = [&](Exchange& exchange) { exchange.set_listener(&listener); };
      TestClient client = server.connect();
      const std::string body(30, 'x');
      const std::string answer =
          server.ask(client, chunked ? "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1e\r\n" + body
                                     : "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 30\r\n\r\n" + body);
      EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
      EXPECT_EQ(server.handler.requests, streamed && chunked ? 1 : 0);
      EXPECT_EQ(listener.disconnects, streamed && chunked ? 1 : 0);
    }
  }
}

TEST(Body, BrokenFramingWithinAStreamIsADisconnect) {
  TestServer server;
  server.handler.mode = streams;
  TestListener listener;
  ExchangeId id;
  server.handler.answer = [&](Exchange& exchange) {
    id = exchange.id();
    exchange.set_listener(&listener);
  };
  TestClient client = server.connect();
  server.ask(client, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  EXPECT_TRUE(server.ask(client, "zz\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_EQ(listener.body, "hello");
  EXPECT_EQ(listener.disconnects, 1);
  EXPECT_EQ(listener.ends, 0);
  EXPECT_EQ(server.connections.find(id), nullptr);
}

TEST(Body, ALargeAnswerArrivesWhole) {
  TestServer server;
  std::string body(5'000'000, 'x');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 26);
  server.handler.answer = [&](Exchange& exchange) { exchange.respond(200, "text/plain", body); };
  TestClient client = server.connect();
  client.send(get("/") + get("/"));
  std::string answer;
  const std::string expected = ok(body) + ok(body);
  EXPECT_TRUE(server.until([&] {
    answer += client.read();
    return answer.size() >= expected.size();
  }));
  EXPECT_TRUE(answer == expected);
}

TEST(Body, AClientThatDoesNotReadStopsPipelining) {
  TestServer server;
  const std::string body(50'000, 'x');
  server.handler.answer = [&](Exchange& exchange) { exchange.respond(200, "text/plain", body); };
  TestClient client = server.connect();
  std::string requests;
  for (int i = 0; i < 500; ++i) requests += get("/");
  ASSERT_EQ(client.send(requests), requests.size());
  server.settle();
  EXPECT_LT(server.handler.requests, 20) << "25 MB of answers are not made to wait in memory";
  std::size_t received = 0;
  EXPECT_TRUE(server.until([&] {
    received += client.read().size();
    return received >= 500 * ok(body).size();
  }));
  EXPECT_EQ(server.handler.requests, 500);
}

TEST(Body, AProducerIsToldWhenThereIsRoom) {
  TestServer server;
  TestListener listener;
  const std::string piece(40'000, 'x');
  constexpr std::size_t kPieces = 200;
  std::size_t written = 0;
  std::size_t most = 0;
  const auto produce = [&](Exchange& exchange) {
    while (written < kPieces && exchange.unsent() <= Limits{}.write_low_water) {
      exchange.write(piece);
      ++written;
      most = std::max(most, exchange.unsent());
    }
    if (written == kPieces && exchange.unsent() <= Limits{}.write_low_water) exchange.finish();
  };
  listener.on_room = produce;
  server.handler.answer = [&](Exchange& exchange) {
    exchange.set_listener(&listener);
    const std::array<Header, 1> headers{{{"content-length", "8000000"}}};
    exchange.start(200, headers);
    produce(exchange);
  };
  TestClient client = server.connect();
  client.send(get("/"));
  server.settle();
  EXPECT_LT(written, kPieces);
  std::size_t received = 0;
  EXPECT_TRUE(server.until([&] {
    received += client.read().size();
    return received >= kPieces * piece.size();
  }));
  EXPECT_LT(most, 120'000U);
  EXPECT_GT(listener.drained, 2);
}

}  // namespace
}  // namespace data_bridge::http::h1
