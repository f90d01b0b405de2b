// The Location of a slash redirect; expectations printed by Starlette 1.10.
#include "routing/redirect.hpp"

#include <gtest/gtest.h>

namespace data_bridge::routing {
namespace {

TEST(ValidHost, TakesWhatStarletteTakes) {
  for (const auto* host : {"example.com", "EXAMPLE.com:8000", "a_b", "1.2.3.4:80", "[::1]", "[::1]:8080",
                           "[::ffff:1.2.3.4]", "[v1.a:b]", "x:00080", "x:65535", "a%41"}) {
    EXPECT_TRUE(valid_host(host)) << host;
  }
  for (const auto* host : {"", "a b", "a/b", "a@b", "a?b", "a#b", "a\\b", "x:", "x:65536", "x:1:2", "x:abc", "[::1",
                           "[]", "[1.2.3.4]", "[::12345]", "[::1]x", "[v.a]", "[V1.a]", "\xC3\xA9"}) {
    EXPECT_FALSE(valid_host(host)) << host;
  }
}

TEST(RedirectLocation, UsesAValidHostElseTheServer) {
  EXPECT_EQ(redirect_location({.path = "/items/", .query = "", .host = "h:8000"}), "http://h:8000/items/");
  EXPECT_EQ(redirect_location({.path = "/items/", .query = "a=1&b=%20", .host = "h"}), "http://h/items/?a=1&b=%20");
  EXPECT_EQ(redirect_location({.path = "/x/", .host = "evil/@h", .server_host = "127.0.0.1", .server_port = 8000}),
            "http://127.0.0.1:8000/x/");
  EXPECT_EQ(redirect_location({.path = "/x/", .host = std::nullopt, .server_host = "::1", .server_port = 80}),
            "http://[::1]/x/");
  EXPECT_EQ(redirect_location(
                {.scheme = "https", .path = "/x", .host = std::nullopt, .server_host = "a", .server_port = 443}),
            "https://a/x");
  EXPECT_EQ(redirect_location({.path = "/x/", .host = std::nullopt}), "/x/");
}

TEST(RedirectLocation, EscapesWhatWouldChangeTheUrl) {
  EXPECT_EQ(redirect_location({.path = "/a?b#c\\d e\xC3\xA9/", .host = "h"}), "http://h/a%3Fb%23c%5Cd%20e%C3%A9/");
  EXPECT_EQ(redirect_location({.path = "//evil/", .host = std::nullopt}), "/%2Fevil/");
}

}  // namespace
}  // namespace data_bridge::routing
