// Arena, copies and merge patches.
#include "json/value.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "json/parser.hpp"
#include "json/writer.hpp"

namespace data_bridge::json {
namespace {

std::string text_of(const Value& value) {
  std::string out;
  EXPECT_TRUE(write(out, value, Style::kPydantic));
  return out;
}

TEST(Arena, AlignsAndKeepsWhatItHandedOut) {
  Arena arena(64);
  const std::string_view first = arena.copy("first");
  for (int i = 0; i < 1000; ++i) {
    auto* number = arena.allocate_array<std::int64_t>(3);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(number) % alignof(std::int64_t), 0U);
    number[2] = i;
  }
  EXPECT_EQ(first, "first");
  EXPECT_TRUE(arena.copy("").empty());
}

TEST(Arena, ResetServesTheNextRequestFromTheSameBlock) {
  Arena arena;
  const void* first = arena.allocate(100);
  arena.reset();
  EXPECT_EQ(arena.allocate(100), first);
  // A body of megabytes is not kept for ever.
  (void)arena.allocate(8 << 20);
  arena.reset();
  const void* fresh = arena.allocate(100);
  EXPECT_NE(fresh, nullptr);
}

TEST(Value, CopyIsIndependentOfItsSource) {
  std::string text = R"({"a":["x",1,12345678901234567890,1.5,null,true],"b":{}})";
  Arena arena;
  Value copied;
  {
    Arena scratch;
    copied = copy(*parse(text, scratch), arena);
  }
  text.assign(text.size(), '#');
  EXPECT_EQ(text_of(copied), R"({"a":["x",1,12345678901234567890,1.5,null,true],"b":{}})");
}

// The examples of RFC 7396, appendix A.
TEST(MergePatch, Rfc7396) {
  const std::string_view cases[][3] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", R"(null)", R"(null)"},
      {R"({"a":"foo"})", R"("bar")", R"("bar")"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
  };
  for (const auto& [target, patch, expected] : cases) {
    Arena arena;
    EXPECT_EQ(text_of(merge_patch(*parse(target, arena), *parse(patch, arena), arena)), expected)
        << target << " + " << patch;
  }
}

TEST(MergePatch, LargeObjectsTakeTheIndex) {
  std::string target = "{";
  std::string patch = "{";
  std::string expected = "{";
  for (int i = 0; i < 40; ++i) {
    const std::string key = (i ? ",\"" : "\"") + std::to_string(i) + "\":";
    target += key + "1";
    patch += key + (i % 2 ? "null" : "2");
    if (i % 2 == 0) {
      expected += key + "2";
    }
  }
  Arena arena;
  EXPECT_EQ(text_of(merge_patch(*parse(target + "}", arena), *parse(patch + ",\"new\":3}", arena), arena)),
            expected + ",\"new\":3}");
}

}  // namespace
}  // namespace data_bridge::json
