// What Python's str methods make of the first 256 characters.
#include "text/latin1.hpp"

#include <gtest/gtest.h>

namespace data_bridge::text {
namespace {

TEST(Latin1, LowersLettersWithAccentsToo) {
  EXPECT_EQ(latin1_lower("X-Token \xc0\xde\xd7\xdf\xff\xb5"), "x-token \xe0\xfe\xd7\xdf\xff\xb5");
}

TEST(Latin1, StripsWhatPythonCallsSpace) {
  EXPECT_EQ(latin1_strip("\t\x0b\x1c\x1f \xa0\x85 a b \xa0"), "a b");
  EXPECT_EQ(latin1_strip("\x1b\x7f\x84"), "\x1b\x7f\x84");
  EXPECT_EQ(latin1_strip(" \xa0"), "");
}

TEST(Latin1, DecodesEveryByte) { EXPECT_EQ(decode_latin1("a\x7f\x80\xff"), "a\x7f\u0080\u00ff"); }

}  // namespace
}  // namespace data_bridge::text
