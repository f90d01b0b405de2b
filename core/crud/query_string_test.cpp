// The same as urllib.parse.parse_qsl(query, keep_blank_values=True), whose answers are written down here.
#include "crud/query_string.hpp"

#include <gtest/gtest.h>

namespace data_bridge::crud {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs parse(std::string_view query) {
  Pairs pairs;
  for (const QueryParameter& parameter : parse_query(query)) {
    pairs.emplace_back(parameter.name, parameter.value);
  }
  return pairs;
}

TEST(ParseQuery, ReadsLikePython) {
  EXPECT_EQ(parse(""), Pairs());
  EXPECT_EQ(parse("a=1&b=2&a=3"), (Pairs{{"a", "1"}, {"b", "2"}, {"a", "3"}}));
  EXPECT_EQ(parse("a&b=&=c&&d=e=f"), (Pairs{{"a", ""}, {"b", ""}, {"", "c"}, {"d", "e=f"}}));
  EXPECT_EQ(parse("a+b=c+d%2Be"), (Pairs{{"a b", "c d+e"}}));
  EXPECT_EQ(parse("a;b=1"), (Pairs{{"a;b", "1"}}));
  EXPECT_EQ(parse("%6Cimit=%32"), (Pairs{{"limit", "2"}}));
  EXPECT_EQ(parse("a=%C3%A9"), (Pairs{{"a", "\xC3\xA9"}}));
  EXPECT_EQ(parse("a=%ff%"), (Pairs{{"a", "\xEF\xBF\xBD%"}}));
  EXPECT_EQ(parse("a=\xC3\xA9%C3%A9"), (Pairs{{"a", "\xC3\x83\xC2\xA9\xC3\xA9"}}));  // Latin-1, then UTF-8
}

}  // namespace
}  // namespace data_bridge::crud
