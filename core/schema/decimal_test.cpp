// Decimals as Python has them. The comparison with Pydantic is in tests/schema.
#include "schema/decimal.hpp"

#include <gtest/gtest.h>

#include <string>

namespace data_bridge::schema {
namespace {

const DigitZeros kZeros{'0', 0x660, 0xFF10};

std::string written(std::string_view text) {
  const auto value = parse_decimal(text, kZeros);
  if (!value) return "none";
  if (!value->finite) return "not finite";
  std::string out;
  append_decimal(out, *value);
  return out;
}

Decimal number(std::string_view text) { return *parse_decimal(text, kZeros); }

TEST(Decimal, KeepsItsDigitsAndItsExponent) {
  EXPECT_EQ(written("1.10"), "1.10");
  EXPECT_EQ(written("-0.00"), "-0.00");
  EXPECT_EQ(written("00120"), "120");
  EXPECT_EQ(written("1e3"), "1E+3");
  EXPECT_EQ(written("123E-2"), "1.23");
  EXPECT_EQ(written("0.0000001"), "1E-7");
  EXPECT_EQ(written("0.000001"), "0.000001");
  EXPECT_EQ(written("12.5e20"), "1.25E+21");
  EXPECT_EQ(written(".5"), "0.5");
  EXPECT_EQ(written("5."), "5");
}

TEST(Decimal, ReadsWhatPythonReads) {
  EXPECT_EQ(written("\x1f _1__0_\xE2\x80\x83\n"), "10");
  EXPECT_EQ(written("\xD9\xA1\xEF\xBC\x92"), "12");
  EXPECT_EQ(written("-sNaN12"), "not finite");
  EXPECT_EQ(written("Infinity"), "not finite");
  for (const auto* text :
       {"", "-", ".", "1 0", "e1", "1e", "1e+", "1.2.3", "+-1", "0x1", "infinit", "NaN1x", "\xC3\xA9",
        "\xE2\x80\x8B"
        "1"}) {
    EXPECT_EQ(written(text), "none") << text;
  }
}

TEST(Decimal, HasThePlacesOfPython) {
  EXPECT_EQ(written("1e999999999999999999"), "1E+999999999999999999");
  EXPECT_EQ(written("10e999999999999999999"), "none");
  EXPECT_EQ(written("1e-1999999999999999997"), "1E-1999999999999999997");
  EXPECT_EQ(written("0.1e-1999999999999999997"), "none");
  EXPECT_EQ(written("1e" + std::string(400, '9')), "none");
  EXPECT_EQ(written("0e-" + std::string(400, '9')), "none");
}

TEST(Decimal, IsComparedByValue) {
  EXPECT_EQ(number("1.1"), number("1.10"));
  EXPECT_EQ(number("-0"), number("0e7"));
  EXPECT_LT(number("-1.5"), number("-1"));
  EXPECT_LT(number("-1"), number("0"));
  EXPECT_LT(number("9.99"), number("1e1"));
  EXPECT_LT(number("1e-30"), number("1.0000000000000000000000000000001e-30"));
  EXPECT_GT(number("1e999999999999999999"), number(std::string(100, '9')));
}

TEST(Decimal, CountsDigits) {
  EXPECT_EQ(count_digits(number("12.340")).digits, 5U);
  EXPECT_EQ(count_digits(number("12.340")).places, 3U);
  EXPECT_EQ(count_digits(normalized(number("12.340"))).places, 2U);
  EXPECT_EQ(count_digits(number("0.001")).digits, 3U);
  EXPECT_EQ(count_digits(number("1e3")).digits, 4U);
  EXPECT_EQ(count_digits(normalized(number("0e9"))).digits, 1U);
}

TEST(Decimal, IsAMultipleToTheDigitsOfPythonsContext) {
  EXPECT_TRUE(is_multiple(number("1.1"), number("0.1")));
  EXPECT_FALSE(is_multiple(number("1.15"), number("0.1")));
  EXPECT_TRUE(is_multiple(number("-6.0"), number("3")));
  EXPECT_TRUE(is_multiple(number("0"), number("3")));
  EXPECT_FALSE(is_multiple(number("1e27"), number("3")));
  EXPECT_TRUE(is_multiple(number("1e28"), number("3")));   // rounded to an integer
  EXPECT_FALSE(is_multiple(number("1e29"), number("3")));  // raises there
  EXPECT_FALSE(is_multiple(number("1e-999999"), number("3")));
  EXPECT_TRUE(is_multiple(number("1e-1000030"), number("1")));  // underflows to zero
  EXPECT_TRUE(is_multiple(number("5e-1000027"), number("1")));
  EXPECT_FALSE(is_multiple(number("51e-1000028"), number("1")));
}

}  // namespace
}  // namespace data_bridge::schema
