// Who is asked about a request with a session's cookie.
#include "middleware/session_cookie.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "middleware/request_testing.hpp"
#include "middleware/trusted_host.hpp"

namespace data_bridge::middleware {
namespace {

using Verdict = AnsweringLayer::Verdict;

Verdict judged(const SessionCookie& layer, std::vector<http::Header> fields) {
  const TestRequest request("GET", std::move(fields));
  return layer.judge(request.get());
}

TEST(SessionCookie, WhatKnowsNothingOfSessionsAnswersRequestsWithoutOne) {
  const SessionCookie layer("session");
  EXPECT_TRUE(layer.calls().requests);
  EXPECT_EQ(judged(layer, {}), Verdict::kPass);
  EXPECT_EQ(judged(layer, {{"Cookie", "a=b"}, {"X-Cookie", "session=x"}}), Verdict::kPass);
  EXPECT_EQ(judged(layer, {{"cookie", "a=b"}, {"COOKIE", "c=d; session=x"}}), Verdict::kUnsure);
}

TEST(SessionCookie, CompiledRoutesHaveTheirOwn) {
  const SessionCookie layer("session", {});
  EXPECT_FALSE(layer.calls().requests);
  EXPECT_EQ(judged(layer, {{"Cookie", "session=x"}}), Verdict::kPass);
}

TEST(SessionCookie, ButNotWhatALayerFurtherInAnswersInTheirPlace) {
  const auto hosts = std::make_shared<TrustedHost>(TrustedHostOptions{.allowed_hosts = {"localhost"}});
  const SessionCookie layer("session", {hosts});
  EXPECT_TRUE(layer.calls().requests);
  EXPECT_EQ(judged(layer, {{"Cookie", "session=x"}, {"Host", "localhost"}}), Verdict::kPass);
  EXPECT_EQ(judged(layer, {{"Cookie", "session=x"}, {"Host", "evil"}}), Verdict::kUnsure);
  EXPECT_EQ(judged(layer, {{"Host", "evil"}}), Verdict::kPass);
}

}  // namespace
}  // namespace data_bridge::middleware
