// Preflights and the fields of other answers, rule by rule; what Starlette does is compared in tests/bridge.
#include "middleware/cors.hpp"

#include <gtest/gtest.h>

#include <string>

#include "http/layer_testing.hpp"
#include "http/server_testing.hpp"
#include "middleware/request_testing.hpp"

namespace data_bridge::middleware {
namespace {

using Verdict = AnsweringLayer::Verdict;

CorsOptions some() {
  return {.allow_origins = {"https://a"},
          .allow_methods = {"GET", "PUT"},
          .allow_headers = {"accept", "x-\xe9"},
          .preflight_fields = {{"vary", "Origin"}, {"access-control-max-age", "600"}},
          .simple_fields = {{"access-control-expose-headers", "X-A"}}};
}

CorsOptions all() {
  CorsOptions options = some();
  options.allow_all_origins = options.allow_all_headers = true;
  options.preflight_explicit_allow_origin = false;
  options.simple_fields = {{"access-control-allow-origin", "*"}};
  return options;
}

std::string preflight(const CorsOptions& options, std::string_view origin, std::vector<http::Header> more = {}) {
  more.insert(more.begin(), {{"ORIGIN", origin}, {"Access-Control-Request-Method", "GET"}});
  const TestRequest request("OPTIONS", std::move(more));
  const Cors cors(options);
  EXPECT_EQ(cors.judge(request.get()), Verdict::kAnswer);
  return text_of(cors.answer(request.get(), {}));
}

/// The fields of a 200 to a GET, which has `given`.
std::string simple(const CorsOptions& options, std::vector<http::Header> asked, std::vector<http::Header> given = {}) {
  const TestRequest request("GET", std::move(asked));
  Cors cors(options);
  EXPECT_EQ(cors.judge(request.get()), Verdict::kPass);
  const auto state = cors.remember(request.get());
  http::EditableHead head(200, given);
  cors.on_head(head, state.get());
  return text_of(head.headers());
}

TEST(Cors, APreflightNeedsAnOriginAndAMethod) {
  const Cors cors(some());
  const auto judge = [&](std::string_view method, std::vector<http::Header> fields) {
    return cors.judge(TestRequest(method, std::move(fields)).get());
  };
  const http::Header origin{"Origin", ""};
  const http::Header method{"Access-Control-Request-Method", ""};
  EXPECT_EQ(judge("OPTIONS", {origin, method}), Verdict::kAnswer);
  EXPECT_EQ(judge("OPTIONS", {origin}), Verdict::kPass);
  EXPECT_EQ(judge("OPTIONS", {method}), Verdict::kPass);
  EXPECT_EQ(judge("options", {origin, method}), Verdict::kPass);
}

TEST(Cors, AllowsWhatIsListed) {
  EXPECT_EQ(preflight(some(), "https://a"),
            "200 OK\nvary: Origin\naccess-control-max-age: 600\naccess-control-allow-origin: https://a\n"
            "content-length: 2\ncontent-type: text/plain; charset=utf-8\n");
  EXPECT_EQ(preflight(some(), "https://a",
                      {{"access-control-request-headers",
                        " \xa0"
                        "Accept ,X-\xc9"}})
                .substr(0, 6),
            "200 OK");
}

TEST(Cors, SaysAllThatIsRefused) {
  CorsOptions options = some();
  options.allow_methods = {"PUT"};
  options.private_network = CorsOptions::PrivateNetwork::kRefused;
  EXPECT_EQ(preflight(options, "https://b",
                      {{"access-control-request-headers", "accept,"}, {"access-control-request-private-network", ""}}),
            "400 Disallowed CORS origin, method, headers, private-network\nvary: Origin\naccess-control-max-age: "
            "600\ncontent-length: 56\ncontent-type: text/plain; charset=utf-8\n");
}

TEST(Cors, MirrorsFieldsWhereAllAreAllowed) {
  CorsOptions options = all();
  options.private_network = CorsOptions::PrivateNetwork::kAllowed;
  options.preflight_fields = {{"access-control-allow-headers", "Accept"}};
  EXPECT_EQ(preflight(options, "https://b",
                      {{"access-control-request-headers", "X-Any"}, {"access-control-request-private-network", "1"}}),
            "200 OK\naccess-control-allow-headers: X-Any\naccess-control-allow-private-network: true\n"
            "content-length: 2\ncontent-type: text/plain; charset=utf-8\n");
}

TEST(Cors, AnExpressionAllowsToo) {
  CorsOptions options = some();
  options.matches_origin = [](std::string_view origin) { return origin == "https://x"; };
  EXPECT_EQ(preflight(options, "https://x").substr(0, 6), "200 OK");
  EXPECT_EQ(preflight(options, "https://a").substr(0, 6), "200 OK");
  EXPECT_EQ(preflight(options, "https://y").substr(0, 3), "400");
}

TEST(Cors, AnswersGetTheirFields) {
  EXPECT_EQ(simple(some(), {{"origin", "https://a"}}, {{"Vary", "Accept"}, {"x", "1"}, {"vary", "Cookie"}}),
            "vary: Accept, Cookie, Origin\nx: 1\naccess-control-expose-headers: X-A\naccess-control-allow-origin: "
            "https://a\n");
  EXPECT_EQ(simple(some(), {{"origin", "https://b"}}), "access-control-expose-headers: X-A\nvary: Origin\n");
  EXPECT_EQ(simple(some(), {}), "vary: Origin\n");
  EXPECT_EQ(simple(all(), {{"origin", "https://b"}, {"cookie", "a=b"}}, {{"Access-Control-Allow-Origin", "old"}}),
            "access-control-allow-origin: *\nvary: Origin\n");
}

TEST(Cors, OlderReleasesVaryLess) {
  CorsOptions options = some();
  options.varies_always = false;
  options.vary = VaryMerge::kFirst;
  EXPECT_EQ(simple(options, {}), "");
  EXPECT_EQ(simple(options, {{"origin", "https://b"}}), "access-control-expose-headers: X-A\n");
  EXPECT_EQ(simple(options, {{"origin", "https://a"}}, {{"vary", "Accept"}, {"vary", "Cookie"}}),
            "vary: Accept, Origin\naccess-control-expose-headers: X-A\naccess-control-allow-origin: https://a\n");
}

TEST(Cors, RepeatsAnOriginThoughAllAreAllowed) {
  CorsOptions options = all();
  options.varies_always = false;
  options.repeat_origin = CorsOptions::Repeat::kWithCookie;
  EXPECT_EQ(simple(options, {{"origin", "https://b"}}), "access-control-allow-origin: *\n");
  const std::string repeated = "access-control-allow-origin: https://b\nvary: Origin\n";
  EXPECT_EQ(simple(options, {{"origin", "https://b"}, {"Cookie", ""}}), repeated);
  options.repeat_origin = CorsOptions::Repeat::kAlways;
  EXPECT_EQ(simple(options, {{"origin", "https://b"}}), repeated);
}

TEST(Cors, AnswersInTheApplicationsPlace) {
  http::TestServer server;
  server.connections.set_layers(http::pipeline({std::make_shared<Cors>(all())}));
  http::TestClient client = server.connect();
  const std::string answer =
      server.ask(client, "OPTIONS / HTTP/1.1\r\nHost: h\r\nOrigin: a\r\nAccess-Control-Request-Method: GET\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nvary: Origin\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nOK")) << answer;
  EXPECT_EQ(server.handler.requests, 0);
  EXPECT_NE(
      server.ask(client, "GET / HTTP/1.1\r\nHost: h\r\nOrigin: a\r\n\r\n").find("\r\naccess-control-allow-origin: *"),
      std::string::npos);
}

}  // namespace
}  // namespace data_bridge::middleware
