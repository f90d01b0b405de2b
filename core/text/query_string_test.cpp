// The same as urllib.parse.parse_qsl(query, keep_blank_values=True), whose answers are written down here.
#include "text/query_string.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace data_bridge::text {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs parse(std::string_view query) {
  Pairs pairs;
  for (const QueryParameter& parameter : QueryString(query)) pairs.emplace_back(parameter.name(), parameter.value());
  return pairs;
}

TEST(QueryString, ReadsLikePython) {
  EXPECT_EQ(parse(""), Pairs());
  EXPECT_EQ(parse("a=1&b=2&a=3"), (Pairs{{"a", "1"}, {"b", "2"}, {"a", "3"}}));
  EXPECT_EQ(parse("a&b=&=c&&d=e=f"), (Pairs{{"a", ""}, {"b", ""}, {"", "c"}, {"d", "e=f"}}));
  EXPECT_EQ(parse("&a=1&"), (Pairs{{"a", "1"}}));
  EXPECT_EQ(parse("a+b=c+d%2Be"), (Pairs{{"a b", "c d+e"}}));
  EXPECT_EQ(parse("a;b=1"), (Pairs{{"a;b", "1"}}));
  EXPECT_EQ(parse("%6Cimit=%32"), (Pairs{{"limit", "2"}}));
  EXPECT_EQ(parse("a=%C3%A9"), (Pairs{{"a", "\xC3\xA9"}}));
  EXPECT_EQ(parse("a=%ff%"), (Pairs{{"a", "\xEF\xBF\xBD%"}}));
  EXPECT_EQ(parse("%C3=%E2%82"), (Pairs{{"\xEF\xBF\xBD", "\xEF\xBF\xBD"}}));
}

TEST(QueryString, BytesBeyondAsciiAreLatin1AndJoinNoEscape) {
  EXPECT_EQ(parse("a=\xC3\xA9%C3%A9"), (Pairs{{"a", "\xC3\x83\xC2\xA9\xC3\xA9"}}));
  EXPECT_EQ(parse("a=%C3\xA9"), (Pairs{{"a", "\xEF\xBF\xBD\xC2\xA9"}}));
  EXPECT_EQ(parse("\xE9+=1"), (Pairs{{"\xC3\xA9 ", "1"}}));
}

TEST(QueryString, FindsParametersByTheirDecodedNames) {
  const QueryString query("a=1&%61=2+3&b&a=%34&c+d=5&%2B=6&\xE9=7&%FF=8");
  EXPECT_EQ(query.last("a"), "%34");
  EXPECT_EQ(query.all("a"), (std::vector<std::string_view>{"1", "2+3", "%34"}));
  EXPECT_EQ(query.last("b"), "");
  EXPECT_EQ(query.last("c d"), "5");
  EXPECT_EQ(query.last("+"), "6");
  EXPECT_EQ(query.last("\xC3\xA9"), "7");
  EXPECT_EQ(query.last("\xEF\xBF\xBD"), "8");
  for (const std::string_view name : {"", "A", "c+d", "%61", "\xE9", "\xFF"}) {
    EXPECT_EQ(query.last(name), std::nullopt) << name;
    EXPECT_TRUE(query.all(name).empty()) << name;
  }
}

TEST(QueryString, KeepsWhatWasSent) {
  std::vector<std::string_view> raw;
  for (const QueryParameter& parameter : QueryString("a=%31&&b+c&=")) raw.push_back(parameter.raw);
  EXPECT_EQ(raw, (std::vector<std::string_view>{"a=%31", "b+c", "="}));
}

}  // namespace
}  // namespace data_bridge::text
