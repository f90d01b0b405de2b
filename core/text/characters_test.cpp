// Every byte by the tables of ASCII.
#include "text/characters.hpp"

#include <gtest/gtest.h>

#include <string>

namespace data_bridge::text {
namespace {

TEST(Characters, EveryByteIsWhatAsciiSays) {
  const std::string_view digits = "0123456789";
  const std::string_view lower = "abcdefghijklmnopqrstuvwxyz";
  const std::string_view upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (int code = 0; code < 256; ++code) {
    const char c = static_cast<char>(code);
    const std::size_t large = upper.find(c);
    EXPECT_EQ(is_ascii(c), code < 128) << code;
    EXPECT_EQ(is_digit(c), digits.contains(c)) << code;
    EXPECT_EQ(is_upper(c), upper.contains(c)) << code;
    EXPECT_EQ(is_letter(c), lower.contains(c) || upper.contains(c)) << code;
    EXPECT_EQ(to_lower(c), large == std::string_view::npos ? c : lower[large]) << code;
    const std::size_t small_digit = kHexDigits.find(c);
    const std::size_t digit = small_digit != std::string_view::npos ? small_digit : kUpperHexDigits.find(c);
    EXPECT_EQ(hex_value(c), digit == std::string_view::npos ? -1 : static_cast<int>(digit)) << code;
    EXPECT_EQ(is_hex_digit(c), digit != std::string_view::npos) << code;
  }
}

TEST(Characters, CaseIsThatOfLettersOnly) {
  EXPECT_TRUE(equals_lower("Content-LENGTH", "content-length"));
  EXPECT_TRUE(equals_ignoring_case("a-B", "A-b"));
  EXPECT_FALSE(equals_ignoring_case("a", "ab"));
  EXPECT_FALSE(equals_ignoring_case("@[", "`{"));  // 0x20 apart, and no letters
  EXPECT_FALSE(equals_ignoring_case("\xC9", "\xE9"));
  EXPECT_FALSE(equals_lower("a\r", "a-"));
}

TEST(Characters, TrimTakesBothEnds) {
  EXPECT_EQ(trim(" \t a b\t"), "a b");
  EXPECT_EQ(trim(" \t"), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("\na\n"), "\na\n");
  EXPECT_EQ(trim("\na\n", [](char c) { return c == '\n'; }), "a");
}

}  // namespace
}  // namespace data_bridge::text
