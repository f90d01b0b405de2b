// Hosts that are ours, and what others are told.
#include "middleware/trusted_host.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "middleware/request_testing.hpp"

namespace data_bridge::middleware {
namespace {

using Reading = TrustedHostOptions::Reading;

/// "" where the request passes.
std::string told(const TrustedHostOptions& options, std::optional<std::string_view> host) {
  std::vector<http::Header> fields;
  if (host) fields.push_back({"Host", *host});
  const TestRequest request("GET", std::move(fields));
  const TrustedHost layer(options);
  if (layer.judge(request.get()) == AnsweringLayer::Verdict::kPass) return "";
  const OwnAnswer answer = layer.answer(request.get(), {.path = "/p\n", .query = "q", .host = host});
  return answer.status == 307 ? answer.fields.back().second : std::to_string(answer.status) + " " + answer.body;
}

constexpr const char* kRefused = "400 Invalid host header";

TEST(TrustedHost, ComparesNamesAndWildcards) {
  const TrustedHostOptions options{.allowed_hosts = {"localhost", "*.example.com"}};
  for (const char* host : {"localhost", "LOCALHOST:80", "localhost:99999", "a.example.com", "a.B.example.Com:1"}) {
    EXPECT_EQ(told(options, host), "") << host;
  }
  for (const char* host : {"example.com", "localhost.", "xlocalhost", "", "localhost:x", "[::1]", "a b"}) {
    EXPECT_EQ(told(options, host), kRefused) << host;
  }
  EXPECT_EQ(told(options, std::nullopt), kRefused);
}

TEST(TrustedHost, AddressesHaveTheirBrackets) {
  const TrustedHostOptions options{.allowed_hosts = {"[::1]"}};
  EXPECT_EQ(told(options, "[::1]:8000"), "");
  EXPECT_EQ(told(options, "[::2]:8000"), kRefused);
}

TEST(TrustedHost, SendsToTheWwwThatIsOurs) {
  TrustedHostOptions options{.allowed_hosts = {"www.example.org"}};
  EXPECT_EQ(told(options, "www.example.org:80"), "");
  EXPECT_EQ(told(options, "Example.org:81"), "http://www.Example.org:81/p?q");
  options.www_redirect = false;
  EXPECT_EQ(told(options, "example.org"), kRefused);
}

TEST(TrustedHost, OlderReleasesReadOtherwise) {
  TrustedHostOptions options{.allowed_hosts = {"a b", ""}, .www_redirect = false, .reading = Reading::kBeforeColon};
  EXPECT_EQ(told(options, "a b:x:y"), "");
  EXPECT_EQ(told(options, "A b"), kRefused);
  EXPECT_EQ(told(options, std::nullopt), "");
  options = {.allowed_hosts = {"LocalHost"}, .reading = Reading::kParsed};
  EXPECT_EQ(told(options, "LocalHost:1"), "");
  EXPECT_EQ(told(options, "localhost"), kRefused);
}

}  // namespace
}  // namespace data_bridge::middleware
