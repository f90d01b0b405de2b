// Well-formed sequences by Unicode's table 3-7: the edges of every range, and what lies just beside them.
#include "text/utf8.hpp"

#include <gtest/gtest.h>

namespace data_bridge::text {
namespace {

std::string encoded(std::uint32_t code_point) {
  std::string out;
  append_code_point(out, code_point);
  return out;
}

TEST(Utf8, EveryCodePointReadsBack) {
  for (std::uint32_t code_point = 0; code_point <= 0x10FFFF; ++code_point) {
    const std::string text = encoded(code_point);
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    const Utf8 expected = code_point < 0x80 ? Utf8::kAscii : surrogate ? Utf8::kSurrogates : Utf8::kValid;
    ASSERT_EQ(check_utf8(text), expected) << code_point;
    ASSERT_EQ(sequence_length(text[0]), text.size()) << code_point;
    ASSERT_EQ(first_code_point(text), code_point);
    ASSERT_EQ(count_code_points(text), 1U) << code_point;
    ASSERT_EQ(replace_invalid(text) == text, !surrogate) << code_point;
  }
}

TEST(Utf8, WhatIsNotWellFormedIsInvalidAtEveryPlaceOfAWord) {
  for (const std::string_view broken :
       {"\x80", "\xBF", "\xC0\xAF", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF", "\xE2\x82", "\xE2\x82(", "\xE2(\xAC",
        "\xED\xA0", "\xF0\x8F\xBF\xBF", "\xF0\x9F\x98", "\xF0\x9F\x98(", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE",
        "\xFF"}) {
    for (std::size_t before = 0; before < 20; ++before) {
      const std::string front(before, 'a');
      EXPECT_EQ(check_utf8(front + std::string(broken)), Utf8::kInvalid) << before;
      EXPECT_EQ(check_utf8(front + std::string(broken) + "tail of sixteen and more"), Utf8::kInvalid) << before;
      EXPECT_NE(replace_invalid(front + std::string(broken)), front + std::string(broken)) << before;
    }
  }
  EXPECT_EQ(check_utf8("\xED\xA0\xBD"
                       "a\xC3\xA9"),
            Utf8::kSurrogates);
  EXPECT_EQ(check_utf8("\xED\xA0\xBD\xFF"), Utf8::kInvalid);
}

TEST(Utf8, EachMaximalPartIsReplacedOnce) {
  EXPECT_EQ(replace_invalid("a\xE2\x82"
                            "b\xF0\x9F\x98"),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD");
  EXPECT_EQ(replace_invalid("\xC0\xAF\xC3\xA9"), "\xEF\xBF\xBD\xEF\xBF\xBD\xC3\xA9");
}

TEST(Utf8, CountsCodePoints) {
  EXPECT_EQ(count_code_points(""), 0U);
  EXPECT_EQ(count_code_points("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), 4U);
}

}  // namespace
}  // namespace data_bridge::text
