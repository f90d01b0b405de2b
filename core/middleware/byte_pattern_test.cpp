// Whole texts, byte by byte.
#include "middleware/byte_pattern.hpp"

#include <gtest/gtest.h>

namespace data_bridge::middleware {
namespace {

TEST(BytePattern, MatchesAllOfATextOrNothing) {
  const auto pattern = BytePattern::compile(R"([\x{61}-\x{62}\x{e9}]{1,3}(?:c|\z))");
  ASSERT_TRUE(pattern);
  EXPECT_TRUE(pattern->matches("ab\xe9"));
  EXPECT_TRUE(pattern->matches("bc"));
  EXPECT_FALSE(pattern->matches("abcd"));
  EXPECT_FALSE(pattern->matches("\xc3\xa9")) << "a byte is a character";
}

TEST(BytePattern, SaysWhatItCannotRun) {
  EXPECT_FALSE(BytePattern::compile("(?=a)"));
  EXPECT_FALSE(BytePattern::compile("(?:a){1001}"));
}

}  // namespace
}  // namespace data_bridge::middleware
