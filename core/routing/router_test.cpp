// The Router as an http::Handler, asked over a socket.
#include "routing/router.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <string>

#include "http/connections.hpp"
#include "http/layer_testing.hpp"

namespace data_bridge::routing {
namespace {

/// Answers with its name and the parameters it got.
class Telling final : public Endpoint {
 public:
  explicit Telling(std::string name, http::BodyMode mode = http::BodyMode::kBuffer)
      : name_(std::move(name)), mode_(mode) {}
  [[nodiscard]] http::BodyMode body_mode() const noexcept override { return mode_; }
  void serve(http::Exchange& exchange, PathParameters parameters) override {
    std::string body = name_;
    for (const std::string_view parameter : parameters) body.append("|").append(parameter);
    if (!exchange.body().empty()) body.append(" body ").append(exchange.body());
    exchange.respond(200, "text/plain", body);
  }

 private:
  std::string name_;
  http::BodyMode mode_;
};

struct Declared {
  std::string path;
  std::vector<std::string> methods;
};

std::shared_ptr<const RouteTable> compile(const std::vector<Declared>& routes, RoutingOptions options = {}) {
  RouteTable::Builder builder(std::move(options));
  for (const Declared& route : routes) {
    EXPECT_TRUE(builder.add({route.path, route.methods, std::make_shared<Telling>(route.path), "GET, HEAD"}));
  }
  return builder.build();
}

class RouterTest : public ::testing::Test {
 protected:
  void start(std::shared_ptr<const RouteTable> table) {
    connections_.reset();
    routes_ = std::make_shared<CurrentRoutes>(std::move(table));
    router_ = std::make_unique<Router>(routes_);
    http::Options options;
    options.date_header = false;
    options.server_header = false;
    connections_ = std::make_unique<http::Connections>(reactor_, *router_, options);
    std::array<int, 2> ends{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    client_ = runtime::FileDescriptor(ends[0]);
    connections_->adopt(runtime::FileDescriptor(ends[1]), {});
  }

  void send(std::string_view bytes) {
    ASSERT_EQ(::send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    turn();
  }

  void turn() {
    for (int i = 0; i < 3; ++i) {
      reactor_.wait(std::chrono::milliseconds(1));
      reactor_.dispatch();
      reactor_.finish_turn();
    }
  }

  /// What has arrived; waits where nothing has and `waits`.
  std::string receive(bool waits = true) {
    std::string answer(1 << 16, '\0');
    const ssize_t size = recv(client_.get(), answer.data(), answer.size(), waits ? 0 : MSG_DONTWAIT);
    answer.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return answer;
  }

  std::string ask(std::string_view method, std::string_view target, std::string_view host = "h") {
    send(std::string(method).append(" ").append(target).append(" HTTP/1.1\r\nhost: ").append(host).append("\r\n\r\n"));
    return receive();
  }

  /// What is answered to these bytes, perhaps nothing.
  std::string say(std::string_view bytes) {
    send(bytes);
    return receive(false);
  }

  static std::string ok(const std::string& body) {
    return "HTTP/1.1 200 OK\r\ncontent-length: " + std::to_string(body.size()) +
           "\r\ncontent-type: text/plain\r\n\r\n" + body;
  }

  runtime::Reactor reactor_;
  std::shared_ptr<CurrentRoutes> routes_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<http::Connections> connections_;
  runtime::FileDescriptor client_;
};

TEST_F(RouterTest, ServesWithDecodedParameters) {
  start(compile({{"/u/{name}", {"GET"}}, {"/f/{a}.{b}/{rest:path}", {"GET"}}}));
  EXPECT_EQ(ask("GET", "/u/ann?x=1"), ok("/u/{name}|ann"));
  EXPECT_EQ(ask("GET", "/u/a%20%C3%A9"), ok("/u/{name}|a \xC3\xA9"));
  EXPECT_EQ(ask("GET", "/f/x.y.z/1%2F2/3"), ok("/f/{a}.{b}/{rest:path}|x.y|z|1/2/3"));
}

TEST_F(RouterTest, AnswersLikeFastApiWhereNothingMatches) {
  start(compile({{"/items", {"GET"}}}));
  EXPECT_EQ(ask("GET", "/nowhere"),
            "HTTP/1.1 404 Not Found\r\ncontent-length: 22\r\ncontent-type: application/json\r\n\r\n"
            R"({"detail":"Not Found"})");
  EXPECT_EQ(ask("DELETE", "/items"),
            "HTTP/1.1 405 Method Not Allowed\r\nallow: GET, HEAD\r\ncontent-length: 31\r\n"
            "content-type: application/json\r\n\r\n"
            R"({"detail":"Method Not Allowed"})");
  EXPECT_EQ(ask("HEAD", "/nowhere"),
            "HTTP/1.1 404 Not Found\r\ncontent-length: 22\r\ncontent-type: application/json\r\n\r\n");
}

TEST_F(RouterTest, RedirectsToTheOtherSlash) {
  start(compile({{"/items", {"GET"}}, {"/sub/", {"GET"}}}));
  const auto redirect = [](const std::string& location) {
    return "HTTP/1.1 307 Temporary Redirect\r\ncontent-length: 0\r\nlocation: " + location + "\r\n\r\n";
  };
  EXPECT_EQ(ask("GET", "/items/?q=1", "h:8000"), redirect("http://h:8000/items?q=1"));
  EXPECT_EQ(ask("POST", "/items///"), redirect("http://h/items"));  // the method does not matter
  EXPECT_EQ(ask("GET", "/sub"), redirect("http://h/sub/"));
  EXPECT_TRUE(ask("GET", "/").starts_with("HTTP/1.1 404"));
}

TEST_F(RouterTest, RedirectsCanBeSwitchedOff) {
  start(compile({{"/items", {"GET"}}}, {.redirect_slashes = false}));
  EXPECT_TRUE(ask("GET", "/items/").starts_with("HTTP/1.1 404"));
}

TEST_F(RouterTest, EachRouteHasItsLayersAndTheTableThoseOfWhatNoRouteAnswers) {
  RouteTable::Builder builder({.layers = http::pipeline({std::make_shared<http::Shout>("table")})});
  const auto telling = std::make_shared<Telling>("answer");
  const auto shout = http::pipeline({std::make_shared<http::Shout>("route")});
  EXPECT_TRUE(builder.add({.path = "/with", .methods = {"GET"}, .endpoint = telling, .allow = "GET", .layers = shout}));
  EXPECT_TRUE(builder.add({.path = "/without", .methods = {"GET"}, .endpoint = telling}));
  EXPECT_TRUE(builder.add({.path = "/stopped-by-route", .endpoint = telling, .layers = shout}));
  start(builder.build());
  EXPECT_EQ(ask("GET", "/with"),
            "HTTP/1.1 200 OK\r\ncontent-length: 12\r\ncontent-type: text/plain\r\nx-route: /with\r\n\r\nANSWER!route");
  EXPECT_EQ(ask("GET", "/without"), ok("answer"));
  EXPECT_EQ(
      ask("GET", "/stopped-by-route"),
      "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 16\r\ncontent-type: text/plain\r\n\r\nstopped by route");
  EXPECT_EQ(ask("GET", "/nowhere"),
            "HTTP/1.1 404 Not Found\r\ncontent-length: 28\r\ncontent-type: application/json\r\n"
            "x-table: /nowhere\r\n\r\n{\"DETAIL\":\"NOT FOUND\"}!table");
  EXPECT_EQ(ask("POST", "/with"),
            "HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 37\r\nallow: GET\r\ncontent-type: application/json\r\n"
            "x-table: /with\r\n\r\n{\"DETAIL\":\"METHOD NOT ALLOWED\"}!table");
  EXPECT_EQ(ask("GET", "/with/"),
            "HTTP/1.1 307 Temporary Redirect\r\ncontent-length: 6\r\nlocation: http://h/with\r\n"
            "x-table: /with/\r\n\r\n!table");
}

TEST_F(RouterTest, HandshakesGoAroundRoutesAndLayers) {
  constexpr std::string_view kAsk = " HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
  RouteTable::Builder builder({.websocket = std::make_shared<Telling>("handshake", http::BodyMode::kStream),
                               .layers = http::pipeline({std::make_shared<http::Shout>("table")})});
  builder.add_opaque(std::make_shared<Telling>("opaque"), http::pipeline({std::make_shared<http::Shout>("route")}));
  start(builder.build());
  EXPECT_EQ(say("GET /anywhere/" + std::string(kAsk) + "\r\n"), ok("handshake"));
  EXPECT_EQ(say("POST /" + std::string(kAsk) + "Content-Length: 3\r\n\r\n"), ok("handshake")) << "waits for no body";
  EXPECT_TRUE(
      say("abcGET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n").ends_with("OPAQUE!route"));
}

TEST_F(RouterTest, AHandshakeIsARequestWhereNobodyTakesThem) {
  start(compile({{"/", {"GET"}}}));
  EXPECT_EQ(say("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), ok("/"));
}

TEST_F(RouterTest, ALayerStaysAsLongAsTheAnswerThatItIsAround) {
  struct Later final : Endpoint {
    http::ExchangeRef waiting;
    void serve(http::Exchange& exchange, PathParameters) override { waiting = exchange.ref(); }
  };
  const auto later = std::make_shared<Later>();
  RouteTable::Builder builder;
  EXPECT_TRUE(builder.add(
      {.path = "/", .endpoint = later, .layers = http::pipeline({std::make_shared<http::Shout>("route")})}));
  start(builder.build());
  ask("GET", "/");
  routes_->replace(compile({{"/other", {"GET"}}}));
  ASSERT_NE(later->waiting.find(), nullptr);
  later->waiting.post([](http::Exchange& exchange) { exchange.respond(200, "text/plain", "late"); });
  turn();
  EXPECT_TRUE(receive().ends_with("LATE!route"));
}

/// Answers what asks for it.
class Impatient final : public http::Layer {
 public:
  [[nodiscard]] Calls calls() const noexcept override { return {.requests = true}; }
  [[nodiscard]] bool answers(const http::Request& request) const override {
    return request.header("x-now").has_value();
  }
  bool on_request(http::Exchange& exchange, std::unique_ptr<http::LayerState>&) override {
    if (!answers(exchange.request())) return false;
    exchange.respond(200, "text/plain", "now");
    return true;
  }
};

TEST_F(RouterTest, ALayerThatAnswersWaitsForNoBody) {
  const auto impatient = http::pipeline({std::make_shared<Impatient>()});
  RouteTable::Builder builder({.layers = impatient});
  EXPECT_TRUE(builder.add({.path = "/", .endpoint = std::make_shared<Telling>("route"), .layers = impatient}));
  start(builder.build());
  for (const std::string path : {"/", "/nowhere"}) {
    EXPECT_TRUE(
        say("POST " + path + " HTTP/1.1\r\nHost: h\r\nX-Now: 1\r\nContent-Length: 3\r\n\r\n").ends_with("\r\n\r\nnow"))
        << path;
    send("abc");
  }
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n";
  EXPECT_EQ(say(post), "");
  EXPECT_EQ(say("abc"), ok("route body abc"));
}

/// Tells what it was given.
class TellingUnmatched final : public UnmatchedEndpoint {
 public:
  void serve(http::Exchange& exchange, const Unmatched& unmatched) override {
    std::string body = "nothing";
    if (const auto* refused = std::get_if<MethodNotAllowed>(&unmatched)) body = "allow " + refused->allow;
    if (const auto* redirect = std::get_if<SlashRedirect>(&unmatched)) body = "to " + redirect->path;
    exchange.respond(200, "text/plain", body);
  }
};

TEST_F(RouterTest, AnotherEndpointMayAnswerWhereNothingMatches) {
  start(compile({{"/items", {"GET"}}}, {.unmatched = std::make_shared<TellingUnmatched>()}));
  EXPECT_EQ(ask("GET", "/nowhere"), ok("nothing"));
  EXPECT_EQ(ask("DELETE", "/items"), ok("allow GET, HEAD"));
  EXPECT_EQ(ask("GET", "/items/"), ok("to /items"));
  EXPECT_EQ(ask("GET", "/items"), ok("/items"));
}

TEST_F(RouterTest, RootPaths) {
  start(compile({{"/x/{p:path}", {"GET"}}}, {.root_path = "/api"}));
  EXPECT_EQ(ask("GET", "/api/x/1"), ok("/x/{p:path}|1"));
  EXPECT_EQ(ask("GET", "/x/1"), ok("/x/{p:path}|1"));
  EXPECT_NE(ask("GET", "/api/x").find("location: http://h/api/x/\r\n"), std::string::npos);

  start(compile({{"/x", {"GET"}}}, {.server_root_path = "/api", .root_path = "/api"}));
  EXPECT_EQ(ask("GET", "/x"), ok("/x"));
  EXPECT_NE(ask("GET", "/x/").find("location: http://h/api/x\r\n"), std::string::npos);
}

TEST_F(RouterTest, ManyParameters) {
  std::string path;
  std::string target;
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    path += "/{p" + std::to_string(i) + "}";
    target += "/v" + std::to_string(i);
    expected += "|v" + std::to_string(i);
  }
  start(compile({{path, {"GET"}}}));
  EXPECT_EQ(ask("GET", target), ok(path + expected));
}

TEST_F(RouterTest, RoutesMayBeReplacedWhileABodyComesIn) {
  start(compile({{"/old/{x}", {"POST"}}, {"/b", {"GET"}}}));
  send("POST /old/1 HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nab");
  routes_->replace(compile({{"/a", {}}, {"/b", {}}, {"/old/{y}", {"POST"}}}));
  send("cd");
  EXPECT_EQ(receive(), ok("/old/{x}|1 body abcd"));  // routed once, by the table of its head
  EXPECT_EQ(ask("GET", "/a"), ok("/a"));

  send("POST /old/2 HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nab");
  routes_->replace(compile({{"/old/{z}", {"POST"}}}));
  // Another connection's head makes the Router take the new table before the body is complete.
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
  connections_->adopt(runtime::FileDescriptor(ends[1]), {});
  const runtime::FileDescriptor other(ends[0]);
  constexpr std::string_view kRequest = "GET /x HTTP/1.1\r\nhost: h\r\n\r\n";
  ASSERT_EQ(::send(other.get(), kRequest.data(), kRequest.size(), 0), static_cast<ssize_t>(kRequest.size()));
  turn();
  send("cd");
  EXPECT_EQ(receive(), ok("/old/{y}|2 body abcd"));  // which the exchange has kept
}

/// Reads its body as it comes.
class Streaming final : public Endpoint {
 public:
  [[nodiscard]] http::BodyMode body_mode() const noexcept override { return http::BodyMode::kStream; }
  void serve(http::Exchange& exchange, PathParameters) override { exchange.respond(200, "text/plain", "streaming"); }
};

TEST_F(RouterTest, ABodyIsReadAsTheEndpointThatGetsItWants) {
  start(compile({{"/x", {"POST"}}}));
  send("POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nab");
  RouteTable::Builder builder;
  ASSERT_TRUE(builder.add({"/x", {"POST"}, std::make_shared<Streaming>(), ""}));
  routes_->replace(builder.build());
  send("cd");
  EXPECT_EQ(receive(), ok("/x body abcd"));
  send("POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nab");
  EXPECT_EQ(receive(), ok("streaming"));
}

/// Replaces the routes, its own among them, while it serves.
class Replacing final : public Endpoint {
 public:
  std::shared_ptr<CurrentRoutes> routes;
  void serve(http::Exchange& exchange, PathParameters parameters) override {
    const auto keep = routes;
    keep->replace(compile({{"/only", {}}}));
    exchange.respond(200, "text/plain", parameters[0]);
  }
};

TEST_F(RouterTest, AnEndpointMayReplaceTheTableThatHoldsIt) {
  auto replacing = std::make_shared<Replacing>();
  RouteTable::Builder builder;
  ASSERT_TRUE(builder.add({"/r/{x}", {}, replacing, ""}));
  start(builder.build());
  replacing->routes = routes_;
  replacing.reset();
  EXPECT_EQ(ask("GET", "/r/%41"), ok("A"));
  EXPECT_EQ(ask("GET", "/only"), ok("/only"));
}

TEST_F(RouterTest, A404DoesNotWaitForItsBody) {
  start(compile({{"/items", {"GET"}}}));
  send("POST /nowhere HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\n");
  EXPECT_TRUE(receive().starts_with("HTTP/1.1 404"));
}

}  // namespace
}  // namespace data_bridge::routing
