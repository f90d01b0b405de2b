// Arena and copies.
#include "json/value.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "json/parser.hpp"
#include "json/test_support.hpp"

namespace data_bridge::json {
namespace {

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

}  // namespace
}  // namespace data_bridge::json
