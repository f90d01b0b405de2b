// Which requests are handshakes, and what is wrong with those that are none.
#include "http/ws/handshake.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "http/limits.hpp"
#include "http/server_testing.hpp"

namespace data_bridge::http::ws {
namespace {

constexpr std::string_view kUpgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
constexpr std::string_view kKey = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
constexpr std::string_view kVersion = "Sec-WebSocket-Version: 13\r\n";

/// What a server answers that takes every good handshake for 204.
std::string answer(const std::string& request, bool deflate = true) {
  TestServer server;
  server.handler.mode = [](const Request&) { return BodyMode::kStream; };
  server.handler.answer = [&](Exchange& exchange) {
    if (!is_handshake(exchange.request())) return exchange.respond(200, "text/plain", "HTTP");
    const auto handshake = read_handshake(exchange.request(), deflate);
    if (!handshake) return handshake.error().answer(exchange);
    const Header accept{"accept", handshake->accept};
    exchange.respond(204, {&accept, 1}, "");
  };
  TestClient client = server.connect();
  std::string heard = server.ask(client, request);
  EXPECT_TRUE(!heard.starts_with("HTTP/1.1 4") || client.ended()) << "a refusal is the last answer";
  return heard;
}

std::string good(std::string_view more = "", std::string_view method = "GET") {
  return std::string(method) + " / HTTP/1.1\r\nHost: h\r\n" + std::string(kUpgrade) + std::string(kKey) +
         std::string(kVersion) + std::string(more) + "\r\n";
}

std::string refusal(std::string_view what, std::string_view line = "400 Bad Request", std::string_view fields = "") {
  const std::string body = "Failed to open a WebSocket connection: " + std::string(what) + ".\n";
  return "HTTP/1.1 " + std::string(line) + "\r\n" + std::string(fields) +
         "Connection: close\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + body;
}

TEST(WsHandshakeTest, IsWhatAsksForIt) {
  EXPECT_EQ(answer(good()), "HTTP/1.1 204 No Content\r\naccept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  const std::vector<std::string> others{
      get("/", "Upgrade: websocket\r\n"),
      get("/", "Connection: Upgrade\r\n"),
      get("/", "Connection: Upgrade\r\nUpgrade: h2c\r\n"),
      get("/", "Connection: Upgrade\r\nUpgrade: websockets\r\n"),
      "GET / HTTP/1.0\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  };
  for (const std::string& request : others) EXPECT_TRUE(answer(request).ends_with("HTTP")) << request;
  const std::vector<std::string> more{
      "Connection: keep-alive, UPGRADE\r\nUpgrade: WebSocket\r\n",
      "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n",
      "Connection: upgrade\r\nConnection: keep-alive\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n",
  };
  for (const std::string& fields : more) {
    EXPECT_TRUE(answer(get("/", fields)).starts_with("HTTP/1.1 400")) << "asks, and has no key: " << fields;
  }
}

TEST(WsHandshakeTest, SaysWhatIsWrong) {
  const std::string upgrade(kUpgrade);
  const std::string key(kKey);
  const std::string version(kVersion);
  const std::vector<std::pair<std::string, std::string>> cases{
      {get("/", upgrade + version), refusal("missing Sec-WebSocket-Key header")},
      {get("/", upgrade + version + "Sec-WebSocket-Key:\r\n"), refusal("empty Sec-WebSocket-Key header")},
      {get("/", upgrade + version + "Sec-WebSocket-Key: abc\r\n"), refusal("invalid Sec-WebSocket-Key header: abc")},
      {get("/", upgrade + version + key + key), refusal("invalid Sec-WebSocket-Key header: multiple values")},
      {get("/", upgrade + key), refusal("missing Sec-WebSocket-Version header")},
      {get("/", upgrade + key + version + version), refusal("invalid Sec-WebSocket-Version header: multiple values")},
      {get("/", upgrade + key + "Sec-WebSocket-Version: 8\r\n"),
       refusal("invalid Sec-WebSocket-Version header: 8", "426 Upgrade Required",
               "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n")},
      {good("Origin: a\r\nOrigin: b\r\n"), refusal("invalid Origin header: multiple values")},
      {good("Sec-WebSocket-Extensions: a b\r\n"),
       refusal("invalid Sec-WebSocket-Extensions header: expected comma at 2 in a b")},
      {good("Content-Length: 3\r\n") + "abc", refusal("unexpected body")},
      {good("", "POST"), refusal("unsupported HTTP method: POST", "405 Method Not Allowed", "Allow: GET\r\n")},
  };
  for (const auto& [request, expected] : cases) EXPECT_EQ(answer(request), expected) << request;
}

TEST(WsHandshakeTest, ExtensionsAreReadWhereOneCouldBeAgreedOn) {
  EXPECT_TRUE(answer(good("Sec-WebSocket-Extensions: a b\r\n"), false).starts_with("HTTP/1.1 204"));
}

}  // namespace
}  // namespace data_bridge::http::ws
