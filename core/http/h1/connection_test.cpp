// Requests and answers on one connection: framing, pipelining, bodies, endings.
#include "http/h1/connection.hpp"

#include <gtest/gtest.h>

#include "http/server_testing.hpp"

namespace data_bridge::http::h1 {
namespace {

TEST(Connection, AnswersInTheTurnOfTheRequest) {
  TestServer server;
  TestClient client = server.connect();
  client.send(get("/a"));
  server.turn();
  EXPECT_EQ(client.read(), ok("/a|"));
  EXPECT_EQ(server.ask(client, get("/b")), ok("/b|"));
  EXPECT_FALSE(client.ended());
}

TEST(Connection, DateAndServerComeFirst) {
  TestServer server(Options{});
  TestClient client = server.connect();
  const std::string answer = server.ask(client, get("/"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\ndate: ")) << answer;
  EXPECT_EQ(answer.find(" GMT\r\nserver: data_bridge\r\ncontent-length: 2\r\n"), 48U) << answer;
  server.handler.answer = [](Exchange& exchange) {
    const std::array<Header, 2> headers{{{"Date", "now"}, {"Server", "mine"}}};
    exchange.respond(200, headers, "");
  };
  EXPECT_EQ(server.ask(client, get("/")), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nDate: now\r\nServer: mine\r\n\r\n");
}

TEST(Connection, PipelinedRequestsAreAnsweredInOrderAndInOneSend) {
  TestServer server;
  TestClient client = server.connect();
  client.send(get("/1") + get("/2") + "POST /3 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody" + get("/4"));
  server.turn();
  EXPECT_EQ(client.read(), ok("/1|") + ok("/2|") + ok("/3|body") + ok("/4|"));
}

TEST(Connection, ARequestMeansTheSameInEveryCutOfItsBytes) {
  const std::string requests = get("/1") + "POST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
                               "3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: v\r\n\r\n" +
                               "POST /3 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + get("/4");
  const std::string answers = ok("/1|") + ok("/2|abcde") + ok("/3|hello") + ok("/4|");
  for (std::size_t cut = 0; cut <= requests.size(); ++cut) {
    TestServer server;
    TestClient client = server.connect();
    client.send(requests.substr(0, cut));
    server.settle();
    client.send(requests.substr(cut));
    server.settle();
    ASSERT_EQ(client.read(), answers) << "cut at " << cut;
  }
  TestServer server;
  TestClient client = server.connect();
  for (const char c : requests) {
    client.send({&c, 1});
    server.turn();
  }
  server.settle();
  EXPECT_EQ(client.read(), answers) << "byte by byte";
}

TEST(Connection, PipelinedRequestsWaitForAnAsynchronousAnswer) {
  TestServer server;
  std::vector<ExchangeId> waiting;
  server.handler.answer = [&](Exchange& exchange) { waiting.push_back(exchange.id()); };
  TestClient client = server.connect();
  client.send(get("/1") + get("/2") + get("/3"));
  server.settle();
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(waiting.size(), i + 1) << "the next begins after the answer";
    Exchange* const exchange = server.connections.find(waiting[i]);
    ASSERT_NE(exchange, nullptr);
    exchange->respond(200, "text/plain", std::to_string(i));
    EXPECT_EQ(server.connections.find(waiting[i]), nullptr) << "answered";
    server.settle();
    EXPECT_EQ(client.read(), ok(std::to_string(i)));
  }
}

TEST(Connection, AnAnswerMayBeGivenLaterWithTheRequestThatWasTaken) {
  TestServer server;
  std::unique_ptr<OwnedRequest> request;
  ExchangeId id;
  server.handler.answer = [&](Exchange& exchange) {
    request = std::make_unique<OwnedRequest>(exchange.request(), exchange.body());
    id = exchange.id();
  };
  TestClient client = server.connect();
  server.ask(client, "POST /p?q HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nX-A: b\r\n\r\nbody");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->head().path, "/p");
  EXPECT_EQ(request->head().header("x-a"), "b");
  EXPECT_EQ(request->body(), "body");
  Exchange* const exchange = server.connections.find(id);
  ASSERT_NE(exchange, nullptr);
  EXPECT_EQ(exchange->request().target, "") << "no view outlives the call";
  EXPECT_TRUE(exchange->request().headers.empty());
  EXPECT_EQ(exchange->body(), "");
  exchange->respond(200, "text/plain", "late");
  server.settle();
  EXPECT_EQ(client.read(), ok("late"));
}

TEST(Connection, ALateAnswerToAClosedConnectionIsDropped) {
  TestServer server;
  ExchangeId id;
  server.handler.answer = [&](Exchange& exchange) { id = exchange.id(); };
  TestClient first = server.connect();
  server.ask(first, get("/"));
  first.close();
  server.settle();
  EXPECT_EQ(server.connections.size(), 0U);
  EXPECT_EQ(server.connections.find(id), nullptr);
  TestClient second = server.connect();  // in the same slot
  ExchangeId former = id;
  server.ask(second, get("/"));
  EXPECT_EQ(id.slot, former.slot);
  EXPECT_EQ(server.connections.find(former), nullptr);
  EXPECT_NE(server.connections.find(id), nullptr);
}

TEST(Connection, StreamedAnswersAreChunkedOrCountedOrEndedByClosing) {
  TestServer server;
  server.handler.answer = [](Exchange& exchange) {
    const std::array<Header, 1> counted{{{"Content-Length", "6"}}};
    exchange.start(
        200, exchange.request().path == "/counted" ? std::span<const Header>(counted) : std::span<const Header>{});
    exchange.write("abc");
    exchange.write("");
    exchange.write("def");
    exchange.finish();
  };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/")),
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
  EXPECT_EQ(server.ask(client, get("/counted")), "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef");
  EXPECT_EQ(server.ask(client, "GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabcdef");
  EXPECT_TRUE(client.ended());
}

TEST(Connection, AStreamThatBreaksItsContentLengthIsCutOff) {
  for (const bool too_much : {true, false}) {
    TestServer server;
    server.handler.answer = [&](Exchange& exchange) {
      const std::array<Header, 1> headers{{{"content-length", "5"}}};
      exchange.start(200, headers);
      exchange.write("1234");
      if (too_much) exchange.write("56");
      exchange.finish();
    };
    TestClient client = server.connect();
    EXPECT_EQ(server.ask(client, get("/")), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n1234");
    EXPECT_TRUE(client.ended());
  }
}

TEST(Connection, HeadAnd204And304HaveNoBody) {
  TestServer server;
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n"),
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-type: text/plain\r\n\r\n");
  int status = 204;
  server.handler.answer = [&](Exchange& exchange) {
    const std::array<Header, 1> headers{{{"content-length", "7"}}};
    exchange.respond(status, headers, "dropped");
  };
  EXPECT_EQ(server.ask(client, get("/")), "HTTP/1.1 204 No Content\r\n\r\n");
  status = 304;
  EXPECT_EQ(server.ask(client, get("/")), "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n");
  server.handler.answer = [](Exchange& exchange) {
    exchange.start(200, {});
    exchange.write("dropped");
    exchange.finish();
  };
  EXPECT_EQ(server.ask(client, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"), "HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_FALSE(client.ended());
}

TEST(Connection, Http10ClosesUnlessAskedToStay) {
  TestServer server;
  TestClient one = server.connect();
  EXPECT_EQ(server.ask(one, "GET /1 HTTP/1.0\r\n\r\n"), ok("/1|", "connection: close\r\n"));
  EXPECT_TRUE(one.ended());
  TestClient two = server.connect();
  EXPECT_EQ(server.ask(two, "GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
            ok("/1|", "connection: keep-alive\r\n"));
  EXPECT_FALSE(two.ended());
  EXPECT_EQ(server.ask(two, get("/2", "Connection: close\r\n") + get("/3")), ok("/2|", "connection: close\r\n"));
  EXPECT_TRUE(two.ended()) << "and what was sent behind it is not answered";
}

TEST(Connection, TheApplicationMayCloseButNotFrame) {
  TestServer server;
  server.handler.answer = [](Exchange& exchange) {
    const std::array<Header, 3> headers{
        {{"Connection", "close"}, {"Transfer-Encoding", "chunked"}, {"content-length", "99"}}};
    exchange.respond(200, headers, "abc");
  };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/")), "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nConnection: close\r\n\r\nabc");
  EXPECT_TRUE(client.ended());
}

TEST(Connection, AChunkedOfTheApplicationKeepsItsPlaceWhereItIsTrue) {
  int status = 200;
  TestServer server;
  server.handler.answer = [&](Exchange& exchange) {
    const std::array<Header, 4> headers{
        {{"a", "1"}, {"transfer-encoding", "Chunked"}, {"transfer-encoding", "chunked"}, {"b", "2"}}};
    exchange.start(status, headers);
    exchange.finish();
  };
  TestClient client = server.connect();
  const std::string head = "HTTP/1.1 200 OK\r\na: 1\r\ntransfer-encoding: Chunked\r\nb: 2\r\n\r\n";
  EXPECT_EQ(server.ask(client, get("/")), head + "0\r\n\r\n");
  EXPECT_EQ(server.ask(client, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"), head);
  EXPECT_EQ(server.ask(client, "GET / HTTP/1.0\r\n\r\n"),
            "HTTP/1.1 200 OK\r\na: 1\r\nb: 2\r\nconnection: close\r\n\r\n");
  status = 204;
  TestClient another = server.connect();
  EXPECT_EQ(server.ask(another, get("/")), "HTTP/1.1 204 No Content\r\na: 1\r\nb: 2\r\n\r\n");
}

TEST(Connection, OfLengthsThatDifferTheFirstIsToldWhereThereIsNoBody) {
  TestServer server;
  TestClient client = server.connect();
  const std::array<Header, 3> headers{{{"content-length", "1680"}, {"a", "1"}, {"Content-Length", "0"}}};
  const std::string told = "HTTP/1.1 200 OK\r\ncontent-length: 1680\r\na: 1\r\n\r\n";
  for (const bool pieces : {false, true}) {
    server.handler.answer = [&headers, pieces](Exchange& exchange) {
      if (!pieces) return exchange.respond(200, headers, "");
      exchange.start(200, headers);
      exchange.finish();
    };
    EXPECT_EQ(server.ask(client, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"), told);
  }
  EXPECT_TRUE(server.ask(client, get("/")).starts_with("HTTP/1.1 500 "));
}

TEST(Connection, AConnectionFieldOfTheApplicationIsSentAsItIs) {
  std::string given;
  TestServer server;
  server.handler.answer = [&](Exchange& exchange) {
    const std::array<Header, 1> headers{{{"connection", given}}};
    exchange.respond(200, headers, "");
  };
  const auto fields_of = [&](std::string_view value, std::string_view request, bool ends) {
    given = value;
    TestClient client = server.connect();
    const std::string answer = server.ask(client, request);
    EXPECT_EQ(client.ended(), ends) << value;
    constexpr std::string_view kBefore = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n";
    EXPECT_TRUE(answer.starts_with(kBefore)) << answer;
    return answer.substr(std::min(answer.size(), kBefore.size()));
  };
  const std::string stays = get("/");
  const std::string closes = get("/", "Connection: close\r\n");
  const std::string old = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  for (const std::string value : {"keep-alive", "Keep-Alive", "upgrade", "keep-alive, foo", "TE", ""}) {
    EXPECT_EQ(fields_of(value, stays, false), "connection: " + value + "\r\n\r\n");
    EXPECT_EQ(fields_of(value, closes, true), "connection: " + value + "\r\nconnection: close\r\n\r\n");
  }
  for (const std::string value : {"close", "Close", "close, foo", "foo , CLOSE"}) {
    EXPECT_EQ(fields_of(value, stays, true), "connection: " + value + "\r\n\r\n");
    EXPECT_EQ(fields_of(value, closes, true), "connection: " + value + "\r\n\r\n");
  }
  EXPECT_EQ(fields_of("Keep-Alive", old, false), "connection: Keep-Alive\r\n\r\n");
  EXPECT_EQ(fields_of("TE", old, false), "connection: TE\r\nconnection: keep-alive\r\n\r\n");
}

TEST(Connection, AHeaderNameMayHoldWhatUvicornLetsThrough) {
  TestServer server;
  server.handler.answer = [](Exchange& exchange) {
    const std::array<Header, 1> headers{{{"x-\xe9/?", "\xe9"}}};
    exchange.respond(200, headers, "");
  };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/")), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-\xe9/?: \xe9\r\n\r\n");
}

TEST(Connection, AnExpectationThatIsNotKnownIsIgnored) {
  TestServer server;
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: x\r\n\r\na"), ok("/p|a"));
  EXPECT_EQ(server.ask(client, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: x\r\n\r\n"), "");
  EXPECT_EQ(server.ask(client, "a"), ok("/p|a"));
}

TEST(Connection, HeadersThatWouldSplitTheAnswerBecomeA500) {
  const std::vector<Header> bad{{"x", "a\r\nset-cookie: b"},        {"x\r\ny", "a"},         {"x y", "a"}, {"", "a"},
                                {"x", std::string_view("a\0b", 3)}, {"content-length", "3x"}};
  for (const Header& header : bad) {
    TestServer server;
    server.handler.answer = [&](Exchange& exchange) { exchange.respond(200, {&header, 1}, "abc"); };
    TestClient client = server.connect();
    EXPECT_TRUE(server.ask(client, get("/")).starts_with("HTTP/1.1 500 Internal Server Error\r\n")) << header.value;
    EXPECT_TRUE(client.ended());
  }
}

TEST(Connection, AHandlerThatThrowsIsA500) {
  TestServer server;
  server.handler.answer = [](Exchange&) { throw std::runtime_error("not on the wire"); };
  TestClient client = server.connect();
  const std::string answer = server.ask(client, get("/"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nInternal Server Error")) << answer;
  EXPECT_TRUE(client.ended());
}

TEST(Connection, ASecondAnswerDoesNothing) {
  TestServer server;
  server.handler.answer = [](Exchange& exchange) {
    exchange.respond(200, "text/plain", "one");
    exchange.respond(200, "text/plain", "two");
    exchange.start(200, {});
    exchange.write("three");
    exchange.finish();
    exchange.abort();
  };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/")), ok("one"));
  EXPECT_EQ(server.ask(client, get("/")), ok("one"));
}

TEST(Connection, AbortShowsTheClientThatTheAnswerIsIncomplete) {
  TestServer server;
  server.handler.answer = [](Exchange& exchange) {
    exchange.start(200, {});
    exchange.write("abc");
    exchange.abort();
  };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/")), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(server.connections.size(), 0U);
}

TEST(Connection, OptionsStarIsTheHandlersToAnswer) {
  TestServer server;
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), ok("*|"));
  EXPECT_EQ(server.ask(client, get("/")), ok("/|"));
}

TEST(Connection, ARefusedRequestGetsItsStatusAndTheConnectionEnds) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", "400 Bad Request"},
      {"GET /" + std::string(70'000, 'a') + " HTTP/1.1\r\n", "414 URI Too Long"},
      {"GET / HTTP/1.1\r\nHost: h\r\nx: " + std::string(1'100'000, 'a'), "431 Request Header Fields Too Large"},
      {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", "505 HTTP Version Not Supported"},
      {"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", "405 Method Not Allowed"},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "501 Not Implemented"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n", "413 Content Too Large"},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX", "400 Bad Request"},
  };
  for (const auto& [request, status] : cases) {
    Options options = TestServer::without_date();
    options.limits.max_body_size = 1'000'000;
    TestServer server(options);
    TestClient client = server.connect();
    client.send(get("/first"));
    server.settle();
    EXPECT_EQ(client.read(), ok("/first|"));
    for (std::string_view rest = request; !rest.empty(); server.settle()) {
      const std::size_t sent = client.send(rest);
      if (sent == 0) break;
      rest.remove_prefix(sent);
    }
    client.send(get("/smuggled"));
    server.settle();
    const std::string answer = client.read();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + status + "\r\n")) << answer.substr(0, 100);
    EXPECT_NE(answer.find("connection: close\r\n"), std::string::npos);
    EXPECT_EQ(answer.find("HTTP/1.1", 8), std::string::npos) << "nothing behind it is answered";
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(server.handler.requests, 1);
  }
}

TEST(Connection, AnEarlyAnswerIsNotLostToAReset) {
  TestServer server(TestServer::impatient());
  TestClient client = server.connect();
  client.send("BROKEN\r\n\r\n");
  server.settle();
  // Still uploading: with the socket closed, this would reset it and throw away the answer.
  EXPECT_GT(client.send(std::string(10'000, 'x')), 0U);
  server.settle();
  EXPECT_TRUE(client.read().starts_with("HTTP/1.1 400 "));
  EXPECT_FALSE(client.was_reset());
  EXPECT_TRUE(server.until([&] { return server.connections.size() == 0; })) << "but not kept for ever";
}

TEST(Connection, DisconnectIsTold) {
  TestServer server;
  TestListener listener;
  server.handler.answer = [&](Exchange& exchange) { exchange.set_listener(&listener); };
  TestClient client = server.connect();
  server.ask(client, get("/"));
  EXPECT_EQ(listener.disconnects, 0);
  client.half_close();
  server.settle();
  EXPECT_EQ(listener.disconnects, 1);
  EXPECT_EQ(server.connections.size(), 0U);
}

TEST(Connection, RequestsPerConnectionAreLimited) {
  Options options = TestServer::without_date();
  options.limits.max_requests = 2;
  TestServer server(options);
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/1") + get("/2") + get("/3")), ok("/1|") + ok("/2|", "connection: close\r\n"));
  EXPECT_TRUE(client.ended());
}

TEST(Connection, NamesBothEndsOfAUnixSocket) {
  TestServer server;
  std::string seen = "not called";
  server.handler.answer = [&](Exchange& exchange) {
    seen = std::string(exchange.client_host()) + "," + std::to_string(exchange.client_port()) + "," +
           std::string(exchange.server_host());
    exchange.respond(200, "a/b", "");
  };
  TestClient client = server.connect();
  server.ask(client, get("/"));
  EXPECT_EQ(seen, ",0,");
}

struct Observer final : Layer {
  std::vector<std::string> lines;
  [[nodiscard]] Calls calls() const noexcept override { return {.answered = true}; }
  void on_answered(const Answered& answered) noexcept override {
    lines.push_back(std::string(answered.method) + " " + std::string(answered.target) + " " +
                    std::to_string(answered.status) + " " + std::to_string(answered.body_size) +
                    (answered.complete ? "" : " incomplete"));
  }
};

TEST(Connection, ALayerIsToldOfEveryAnswer) {
  const auto observer = std::make_shared<Observer>();
  TestServer server;
  server.connections.set_layers(std::make_shared<const Pipeline>(std::vector<std::shared_ptr<Layer>>{observer}));
  TestListener listener;
  ExchangeId id;
  server.handler.answer = [&](Exchange& exchange) {
    const bool later = exchange.request().path == "/later";
    if (!later) return exchange.respond(200, "text/plain", "inline");
    id = exchange.id();
    exchange.set_listener(&listener);
  };
  TestClient client = server.connect();
  server.ask(client, get("/now?x"));
  server.ask(client, get("/later"));
  server.connections.find(id)->respond(201, "text/plain", "abc");
  server.settle();
  server.ask(client, get("/later"));
  Exchange* const cut = server.connections.find(id);
  ASSERT_NE(cut, nullptr);
  cut->start(200, {});
  cut->write("12345");
  client.close();
  server.settle();
  EXPECT_EQ(observer->lines,
            (std::vector<std::string>{"GET /now?x 200 6", "GET /later 201 3", "GET /later 200 5 incomplete"}));
}

}  // namespace
}  // namespace data_bridge::http::h1
