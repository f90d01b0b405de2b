// Forms in one piece and byte by byte, and all that is left to another parser.
#include "forms/urlencoded_reader.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace data_bridge::forms {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs read(std::string_view body, std::size_t step) {
  UrlencodedReader reader{Limits{}};
  for (std::size_t at = 0; at < body.size(); at += step) {
    EXPECT_EQ(reader.feed(body.substr(at, step)), Status::kMore) << body;
  }
  Pairs pairs;
  for (const auto& field : reader.fields()) pairs.emplace_back(field.name(), field.value());
  return pairs;
}

Status status_of(std::string_view body, std::size_t step, Limits limits = {}) {
  UrlencodedReader reader(limits);
  for (std::size_t at = 0; at < body.size(); at += step) {
    if (reader.feed(body.substr(at, step)) == Status::kIrregular) return Status::kIrregular;
  }
  return Status::kMore;
}

TEST(UrlencodedReader, Reads) {
  for (const std::size_t step : std::initializer_list<std::size_t>{1, 2, 3, 100}) {
    EXPECT_EQ(read("", step), Pairs());
    EXPECT_EQ(read("a=1&b=2&a=3", step), (Pairs{{"a", "1"}, {"b", "2"}, {"a", "3"}}));
    EXPECT_EQ(read("a&b=&=c&d=e=f", step), (Pairs{{"a", ""}, {"b", ""}, {"", "c"}, {"d", "e=f"}}));
    EXPECT_EQ(read("=&=&", step), (Pairs{{"", ""}, {"", ""}}));
    EXPECT_EQ(read("a+b=%C3%A9%ff", step), (Pairs{{"a b", "\xC3\xA9\xEF\xBF\xBD"}}));
  }
}

TEST(UrlencodedReader, LeavesWhatIsUnusual) {
  for (const std::size_t step : std::initializer_list<std::size_t>{1, 2, 100}) {
    for (const std::string_view body : {"&", "&a=1", "a=1&&b=2", "a=1;b=2", "a=1&b=;"}) {
      EXPECT_EQ(status_of(body, step), Status::kIrregular) << body;
    }
  }
}

TEST(UrlencodedReader, KeepsToItsLimits) {
  const Limits limits{.max_fields = 2, .max_part_size = 3};
  for (const std::size_t step : std::initializer_list<std::size_t>{1, 2, 100}) {
    for (const std::string_view body : {"a=12&b=34", "a&b&", "abc&=123"}) {
      EXPECT_EQ(status_of(body, step, limits), Status::kMore) << body;
    }
    for (const std::string_view body : {"a=123", "abcd", "=1234", "a&b&c"}) {
      EXPECT_EQ(status_of(body, step, limits), Status::kIrregular) << body;
    }
  }
}

TEST(UrlencodedReader, TellsAtOnce) {
  UrlencodedReader reader({.max_fields = 1});
  EXPECT_EQ(reader.feed("a=1&"), Status::kMore);
  EXPECT_EQ(reader.feed("b"), Status::kIrregular);
  EXPECT_EQ(reader.body(), "a=1&b");
}

}  // namespace
}  // namespace data_bridge::forms
