// Layers around every answer: heads and bodies that change, whoever answers and however.
#include "http/layer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>

#include "http/layer_testing.hpp"
#include "http/server_testing.hpp"

namespace data_bridge::http {
namespace {

std::string fixed(std::string_view body, std::string_view fields, std::string_view status = "200 OK") {
  return "HTTP/1.1 " + std::string(status) + "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}

constexpr std::span<const Header> kNoFields;

std::string chunk(std::string_view bytes) {
  std::array<char, 16> size{};
  const int digits = std::snprintf(size.data(), size.size(), "%zx", bytes.size());
  return std::string(size.data(), static_cast<std::size_t>(digits)) + "\r\n" + std::string(bytes) + "\r\n";
}

struct LayerTest : ::testing::Test {
  TestServer server;
  std::shared_ptr<Shout> outer = std::make_shared<Shout>("outer");
  std::shared_ptr<Shout> inner = std::make_shared<Shout>("inner");
  std::shared_ptr<const Pipeline> route = pipeline({inner});
  TestClient client{-1};

  void SetUp() override {
    server.connections.set_layers(pipeline({outer}));
    client = server.connect();
  }
  /// Every request passes the route's layer, too.
  void answer(std::function<void(Exchange&)> with) {
    server.handler.answer = [this, with = std::move(with)](Exchange& exchange) {
      if (!exchange.enter(route)) with(exchange);
    };
  }
};

TEST_F(LayerTest, AWholeAnswerGetsItsNewLength) {
  answer([](Exchange& exchange) {
    exchange.respond(200, std::array<Header, 3>{{{"content-length", "5"}, {"x-secret", "1"}, {"content-type", "a/b"}}},
                     "hello");
  });
  EXPECT_EQ(server.ask(client, get("/p")),
            fixed("HELLO!INNER!outer", "content-type: a/b\r\nx-inner: /p\r\nx-outer: /p\r\n"));
  EXPECT_EQ(server.ask(client, get("/q")),
            fixed("HELLO!INNER!outer", "content-type: a/b\r\nx-inner: /q\r\nx-outer: /q\r\n"))
      << "nothing of the answer before is left";
  EXPECT_EQ(outer->answers, (std::vector<std::string>{"/p 200 17", "/q 200 17"}));
  EXPECT_EQ(inner->answers, outer->answers);
}

TEST_F(LayerTest, AnAnswerInPiecesIsChunkedWhateverItsHandlerDeclared) {
  for (const bool declared : {false, true}) {
    answer([declared](Exchange& exchange) {
      const Header length{"content-length", "6"};
      exchange.start(200, {&length, declared ? 1U : 0U});
      exchange.write("one");
      exchange.flush();
      exchange.write("two");
      exchange.finish();
    });
    EXPECT_EQ(server.ask(client, get("/")),
              "HTTP/1.1 200 OK\r\nx-inner: /\r\nx-outer: /\r\ntransfer-encoding: chunked\r\n\r\n" + chunk("ONE") +
                  chunk("TWO") + chunk("!INNER!outer") + "0\r\n\r\n");
  }
}

TEST_F(LayerTest, PiecesLeaveWhenTheyAreFlushed) {
  ExchangeRef streaming;
  answer([&](Exchange& exchange) {
    streaming = exchange.ref();
    exchange.start(200, {});
  });
  EXPECT_TRUE(server.ask(client, get("/")).ends_with("\r\n\r\n"));
  ASSERT_NE(streaming.find(), nullptr);
  streaming.find()->write("now");
  streaming.find()->flush();
  EXPECT_EQ(client.read(), chunk("NOW"));
  streaming.find()->finish();
  server.settle();
  EXPECT_EQ(client.read(), chunk("!INNER!outer") + "0\r\n\r\n");
}

TEST_F(LayerTest, WhatIsDeclaredStillBindsTheHandler) {
  for (const std::string_view body : {"too long", "short"}) {
    answer([body](Exchange& exchange) {
      exchange.start(200, std::array<Header, 1>{{{"content-length", "7"}}});
      exchange.write(body);
      exchange.finish();
    });
    TestClient other = server.connect();
    EXPECT_FALSE(server.ask(other, get("/")).ends_with("0\r\n\r\n"));
    EXPECT_TRUE(other.ended());
  }
  EXPECT_EQ(outer->answers, (std::vector<std::string>{"/ 200 0 broken", "/ 200 5 broken"}));
}

TEST_F(LayerTest, WithoutABodyThereIsNothingToFilter) {
  answer([](Exchange& exchange) {
    const bool unmodified = exchange.request().path == "/304";
    exchange.respond(unmodified ? 304 : 200, "text/plain", "hello");
  });
  const std::string head = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_EQ(server.ask(client, head), "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-inner: /\r\nx-outer: /\r\n\r\n")
      << "the length that a GET would have is not known";
  EXPECT_EQ(server.ask(client, get("/304")),
            "HTTP/1.1 304 Not Modified\r\ncontent-type: text/plain\r\nx-inner: /304\r\nx-outer: /304\r\n\r\n");
  answer([](Exchange& exchange) {
    exchange.start(200, std::array<Header, 1>{{{"content-length", "5"}}});
    exchange.write("hello");
    exchange.finish();
  });
  EXPECT_EQ(server.ask(client, head), "HTTP/1.1 200 OK\r\nx-inner: /\r\nx-outer: /\r\n\r\n");
}

TEST_F(LayerTest, AHeadAloneKeepsItsLength) {
  answer([](Exchange& exchange) {
    exchange.respond(200, std::array<Header, 3>{{{"x-plain", "1"}, {"content-length", "5"}, {"x-teapot", "1"}}},
                     "hello");
  });
  EXPECT_EQ(server.ask(client, get("/")),
            "HTTP/1.1 418 I'm a Teapot\r\nx-plain: 1\r\ncontent-length: 5\r\nx-teapot: 1\r\nx-inner: /\r\nx-outer: "
            "/\r\n\r\nhello");
  EXPECT_EQ(outer->answers, std::vector<std::string>{"/ 418 5"}) << "the status that was sent";
}

TEST_F(LayerTest, AMegabyte) {
  const std::string body(1 << 20, 'x');
  answer([&](Exchange& exchange) { exchange.respond(200, kNoFields, body); });
  client.send(get("/"));
  std::string heard;
  const std::string expected = fixed(std::string(1 << 20, 'X') + "!INNER!outer", "x-inner: /\r\nx-outer: /\r\n");
  EXPECT_TRUE(server.until([&] { return (heard += client.read()).size() >= expected.size(); }));
  EXPECT_TRUE(heard == expected);
}

TEST_F(LayerTest, AnswersThatComeLater) {
  ExchangeRef waiting;
  answer([&](Exchange& exchange) { waiting = exchange.ref(); });
  server.ask(client, get("/p"));
  route.reset();  // as by a table that is replaced meanwhile
  waiting.post([](Exchange& exchange) { exchange.respond(200, kNoFields, "late"); });
  server.settle();
  EXPECT_EQ(client.read(), fixed("LATE!INNER!outer", "x-inner: /p\r\nx-outer: /p\r\n"));
  EXPECT_EQ(inner->answers, std::vector<std::string>{"/p 200 16"});
}

TEST_F(LayerTest, ALayerMayAnswerItself) {
  answer([](Exchange& exchange) { exchange.respond(200, kNoFields, "handler"); });
  EXPECT_EQ(
      server.ask(client, get("/stopped-by-outer")),
      "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 16\r\ncontent-type: text/plain\r\n\r\nstopped by outer");
  EXPECT_EQ(server.handler.requests, 0) << "nobody further in is asked";
  EXPECT_EQ(server.ask(client, get("/stopped-by-inner")),
            fixed("STOPPED BY INNER!outer", "content-type: text/plain\r\nx-outer: /stopped-by-inner\r\n",
                  "503 Service Unavailable"));
}

TEST_F(LayerTest, AnAnswerMayLeaveTheLayersOfItsRoute) {
  for (const bool in_pieces : {false, true}) {
    answer([in_pieces](Exchange& exchange) {
      EXPECT_TRUE(exchange.has_layers());
      exchange.leave_layers();
      if (!in_pieces) return exchange.respond(200, kNoFields, "own");
      exchange.start(200, {});
      exchange.write("own");
      exchange.finish();
    });
    const std::string heard = server.ask(client, get("/p"));
    EXPECT_EQ(heard.find("x-inner"), std::string::npos) << heard;
    EXPECT_NE(heard.find("x-outer: /p"), std::string::npos) << "those of the connection stay";
    EXPECT_NE(heard.find("OWN"), std::string::npos);
  }
  answer([](Exchange& exchange) { exchange.respond(200, kNoFields, "next"); });
  EXPECT_EQ(server.ask(client, get("/q")), fixed("NEXT!INNER!outer", "x-inner: /q\r\nx-outer: /q\r\n"));
}

TEST(Layers, WithoutThoseOfTheConnectionNothingIsLeft) {
  TestServer server;
  const auto route = pipeline({std::make_shared<Shout>("route")});
  server.handler.answer = [&](Exchange& exchange) {
    EXPECT_FALSE(exchange.has_layers());
    if (exchange.enter(route)) return;
    exchange.leave_layers();
    exchange.respond(200, "text/plain", "own");
  };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/")), ok("own"));
}

/// Puts another body in the place of one that it has the whole of.
class Replacing final : public Layer {
 public:
  [[nodiscard]] Calls calls() const noexcept override { return {.heads = true}; }
  void on_head(EditableHead& head, LayerState*) override {
    if (!head.body()) return head.add("x-body", "in pieces");
    std::string body = "<" + std::string(*head.body()) + ">";
    if (head.get("content-length")) head.set("content-length", std::to_string(body.size()));
    head.set_body(std::move(body));
  }
};

TEST(Layers, ThatHaveTheWholeBodySeeWhatThoseInsideHaveMadeOfIt) {
  TestServer server;
  server.connections.set_layers(
      pipeline({std::make_shared<Replacing>(), std::make_shared<Shout>("shout"), std::make_shared<Replacing>()}));
  TestClient client = server.connect();
  server.handler.answer = [](Exchange& exchange) { exchange.respond(200, "text/plain", "ab"); };
  EXPECT_EQ(server.ask(client, get("/")), fixed("<<AB>!shout>", "content-type: text/plain\r\nx-shout: /\r\n"));
}

/// Is slow with what is large, where the request says so.
class Slow final : public Layer {
 public:
  explicit Slow(std::size_t largest) : largest_(largest) {}
  [[nodiscard]] Calls calls() const noexcept override { return {.requests = true, .heads = true}; }
  bool on_request(Exchange& exchange, std::unique_ptr<LayerState>& state) override {
    if (exchange.request().path == "/slow") state = std::make_unique<LayerState>();
    return false;
  }
  [[nodiscard]] std::size_t largest_body(const LayerState* state) const noexcept override {
    return state != nullptr ? largest_ : SIZE_MAX;
  }

 private:
  std::size_t largest_;
};

TEST(Layers, TheSlowestSaysWhatIsTooLarge) {
  TestServer server;
  const auto route = pipeline({std::make_shared<Slow>(9), std::make_shared<Slow>(7), std::make_shared<Slow>(8)});
  std::vector<std::size_t> largest;
  server.handler.answer = [&](Exchange& exchange) {
    largest.push_back(exchange.largest_body());
    if (exchange.enter(route)) return;
    largest.push_back(exchange.largest_body());
    exchange.leave_layers();
    largest.push_back(exchange.largest_body());
    exchange.respond(200, "text/plain", "x");
  };
  TestClient client = server.connect();
  server.ask(client, get("/slow"));
  server.ask(client, get("/other"));
  EXPECT_EQ(largest, (std::vector<std::size_t>{SIZE_MAX, 7, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX}));
}

TEST(Layers, AReplacedBodyKeepsThePlaceOfItsLength) {
  TestServer server;
  server.connections.set_layers(pipeline({std::make_shared<Replacing>()}));
  TestClient client = server.connect();
  server.handler.answer = [](Exchange& exchange) {
    exchange.respond(200, std::array<Header, 3>{{{"a", "1"}, {"content-length", "2"}, {"b", "2"}}}, "ab");
  };
  const std::string fields = "HTTP/1.1 200 OK\r\na: 1\r\ncontent-length: 4\r\nb: 2\r\n\r\n";
  EXPECT_EQ(server.ask(client, get("/")), fields + "<ab>");
  EXPECT_EQ(server.ask(client, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"), fields);
  server.handler.answer = [](Exchange& exchange) {
    exchange.start(200, {});
    exchange.finish();
  };
  EXPECT_EQ(server.ask(client, get("/")),
            "HTTP/1.1 200 OK\r\nx-body: in pieces\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
}

TEST_F(LayerTest, RefusedRequestsPassTheConnectionsLayers) {
  answer([](Exchange& exchange) { exchange.respond(200, kNoFields, "ok"); });
  EXPECT_EQ(server.ask(client, "GET /\x01 HTTP/1.1\r\n\r\n"),
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 36\r\ncontent-type: text/plain; charset=utf-8\r\nx-outer: "
            "nobody\r\nconnection: close\r\n\r\nINVALID HTTP REQUEST RECEIVED.!outer");
  EXPECT_EQ(outer->refusals, std::vector<int>{400});
  EXPECT_TRUE(outer->answers.empty()) << "it is no request";
  EXPECT_TRUE(inner->refusals.empty());
}

TEST(Layers, EveryRefusalPassesThem) {
  Options options = TestServer::impatient();
  options.limits.max_head_size = 256;
  options.limits.max_target_size = 64;
  options.limits.max_body_size = 4;
  TestServer server(options);
  const auto outer = std::make_shared<Shout>("outer");
  server.connections.set_layers(pipeline({outer}));
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
  const std::vector<std::pair<int, std::string>> cases = {
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {413, post + "Content-Length: 5\r\n\r\n"},
      {413, post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
      {414, get("/" + std::string(100, 'x'))},
      {431, get("/", "X: " + std::string(300, 'x') + "\r\n")},
      {408, "GET / HTTP/1.1\r\n"},
      {408, post + "Content-Length: 4\r\n\r\nhe"},
  };
  std::vector<int> expected;
  for (const auto& [status, request] : cases) {
    expected.push_back(status);
    TestClient client = server.connect();
    client.send(request);
    std::string heard;
    EXPECT_TRUE(server.until([&] {
      heard += client.read();
      return client.ended();
    }));
    EXPECT_TRUE(heard.starts_with("HTTP/1.1 " + std::to_string(status) + " ")) << heard;
    EXPECT_NE(heard.find("\r\nx-outer: nobody\r\n"), std::string::npos) << heard;
    EXPECT_TRUE(heard.ends_with("!outer")) << heard;
  }
  EXPECT_EQ(outer->refusals, expected);
  EXPECT_TRUE(outer->answers.empty());
}

/// Throws where it is told to.
class Failing final : public Layer {
 public:
  std::string where;
  [[nodiscard]] Calls calls() const noexcept override { return {.requests = true, .heads = true}; }
  bool on_request(Exchange&, std::unique_ptr<LayerState>&) override { return fail("request"); }
  void on_head(EditableHead& head, LayerState*) override {
    fail("head");
    if (where == "field") head.add("x", "a\r\nb");
    if (where == "status") head.set_status(99);
  }
  std::unique_ptr<BodyFilter> filter(const EditableHead&, LayerState*) override {
    struct Breaking final : BodyFilter {
      void filter(std::string_view, bool, runtime::Buffer&) override { throw std::runtime_error("body"); }
    };
    if (where == "body") return std::make_unique<Breaking>();
    return nullptr;
  }

 private:
  bool fail(std::string_view here) const {
    if (where == here) throw std::runtime_error(where);
    return false;
  }
};

TEST(Layers, ALayerThatFailsIsA500AndEndsNobodyElse) {
  TestServer server;
  const auto failing = std::make_shared<Failing>();
  server.connections.set_layers(pipeline({failing}));
  for (const bool refused : {false, true}) {
    for (const char* where : {"request", "head", "field", "status", "body"}) {
      failing->where = where;
      TestClient client = server.connect();
      const std::string heard = server.ask(client, refused ? "\x01\r\n\r\n" : get("/"));
      EXPECT_TRUE(heard.starts_with(refused ? "HTTP/1.1 400 " : "HTTP/1.1 500 ")) << where << ": " << heard;
      EXPECT_TRUE(client.ended()) << where;
    }
  }
  failing->where = "body";
  server.handler.answer = [](Exchange& exchange) {
    exchange.start(200, {});
    exchange.write("x");
    exchange.write("y");
    exchange.finish();
  };
  TestClient client = server.connect();
  EXPECT_FALSE(server.ask(client, get("/")).ends_with("0\r\n\r\n")) << "it has begun: it is broken off";
  EXPECT_TRUE(client.ended());
  failing->where = "";
  TestClient next = server.connect();
  server.handler.answer = [](Exchange& exchange) { exchange.respond(200, "text/plain", "well"); };
  EXPECT_EQ(server.ask(next, get("/")), ok("well"));
}

TEST(Layers, ThatSeeNoAnswersAreNotInItsWay) {
  struct Counter final : Layer {
    int answers = 0;
    [[nodiscard]] Calls calls() const noexcept override { return {.answered = true}; }
    void on_head(EditableHead&, LayerState*) override { ADD_FAILURE(); }
    void on_answered(const Answered&) noexcept override { ++answers; }
  };
  const auto counter = std::make_shared<Counter>();
  const auto layers = pipeline({counter, counter});
  EXPECT_FALSE(layers->sees_answers());
  TestServer server;
  server.connections.set_layers(layers);
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/")), ok("/|"));
  EXPECT_EQ(counter->answers, 2);
}

TEST(EditableHead, SetsAddsAndRemoves) {
  const std::array<Header, 4> given{{{"A", "1"}, {"b", "2"}, {"a", "3"}, {"c", "4"}}};
  EditableHead head(200, given);
  head.set("a", *head.get("c"));
  head.remove("C");
  head.add("d", "5");
  head.set("e", "6");
  std::string text;
  for (const Header& field : head.headers()) text.append(field.name).append("=").append(field.value).append(" ");
  EXPECT_EQ(text, "a=4 b=2 d=5 e=6 ");
  EXPECT_EQ(head.get("D"), "5");
  EXPECT_EQ(head.get("c"), std::nullopt);
}

}  // namespace
}  // namespace data_bridge::http
