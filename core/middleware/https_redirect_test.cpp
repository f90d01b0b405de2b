// The same URL with another scheme, and the ports that go with it.
#include "middleware/https_redirect.hpp"

#include <gtest/gtest.h>

#include <string>

#include "middleware/request_testing.hpp"

namespace data_bridge::middleware {
namespace {

std::string location(const routing::UrlParts& url) {
  const OwnAnswer answer = HttpsRedirect().answer(TestRequest("GET", {}).get(), url);
  return answer.status == 307 ? answer.fields.back().second : std::to_string(answer.status) + " " + answer.body;
}

std::string host(std::string_view name) { return location({.path = "/p", .host = name}); }

TEST(HttpsRedirect, DropsThePortsThatGoWithASchemeAndThenTheCase) {
  EXPECT_EQ(host("Example.org"), "https://Example.org/p");
  EXPECT_EQ(host("Example.org:8080"), "https://Example.org:8080/p");
  EXPECT_EQ(host("Example.org:80"), "https://example.org/p");
  EXPECT_EQ(host("Example.org:0443"), "https://example.org/p");
  EXPECT_EQ(host("A%2F:443"), "https://a%2F/p");
  EXPECT_EQ(host("[::A]:81"), "https://[::A]:81/p");
  EXPECT_EQ(host("[::A]:80"), "https://::a/p") << "as Starlette";
}

TEST(HttpsRedirect, WithoutAHostTheServersAddressIsOne) {
  EXPECT_EQ(location({.path = "/a b", .query = "q=1", .server_host = "127.0.0.1", .server_port = 8000}),
            "https://127.0.0.1:8000/a%20b?q=1");
  EXPECT_EQ(location({.path = "/", .host = "x:99999", .server_host = "::1", .server_port = 80}), "https://[::1]/");
  EXPECT_EQ(location({.path = "/"}), "400 Invalid host header");
}

TEST(HttpsRedirect, PathsAreEscapedAndLineEndsGo) {
  EXPECT_EQ(location({.path = "/a?b#c\\d\r\n\te", .host = "h"}), "https://h/a%3Fb%23c%5Cde");
  EXPECT_EQ(location({.path = "*", .host = "h"}), "https://h/*");
  EXPECT_EQ(location({.scheme = "ws", .path = "//x", .host = "h"}), "wss://h//x");
}

TEST(HttpsRedirect, AProxyMayKnowBetter) {
  const HttpsRedirect layer;
  EXPECT_EQ(layer.judge(TestRequest("GET", {}).get()), AnsweringLayer::Verdict::kAnswer);
  EXPECT_EQ(layer.judge(TestRequest("GET", {{"X-Forwarded-Proto", "https"}}).get()), AnsweringLayer::Verdict::kUnsure);
}

}  // namespace
}  // namespace data_bridge::middleware
