// What values are compared by: their order is that of what they mean.
#include "storage/value_order.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

namespace data_bridge::storage {
namespace {

TEST(InstantOrder, IsTheTimeInUtcWhateverTheOffsetAndTheFraction) {
  EXPECT_EQ(instant_order("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(instant_order("1970-01-01T00:00:00"), 0);  // naive: UTC
  EXPECT_EQ(instant_order("1970-01-01T05:30:00+05:30"), 0);
  EXPECT_EQ(instant_order("1969-12-31T18:30:00.000001-05:30"), 1);
  EXPECT_EQ(instant_order("1970-01-01T00:00:00.5Z"), 500'000);
  EXPECT_EQ(instant_order("2024-02-29T12:00:00Z"), 1'709'208'000'000'000);
  EXPECT_EQ(instant_order("0001-01-01T00:00:00+23:59"), -62'135'596'800'000'000 - 86'340'000'000);
  EXPECT_EQ(instant_order("9999-12-31T23:59:59.999999-23:59"), 253'402'300'799'999'999 + 86'340'000'000);
}

TEST(InstantOrder, IsNoneForWhatIsNoInstant) {
  for (const char* text : {"", "2024", "2024-01-31", "2024-01-31 10:00:00", "2024-01-31T10:00", "2024-01-31T10:00:00.",
                           "2024-01-31T10:00:00.1234567Z", "2024-01-31T10:00:00Zx", "2024-01-31T10:00:00+0530", "x"}) {
    EXPECT_EQ(instant_order(text), std::nullopt) << text;
  }
}

TEST(TimeOrder, ComparesAsPythonDoes) {
  EXPECT_EQ(time_order("00:00:01"), 1'000'000);
  EXPECT_EQ(time_order("00:30:00+05:30"), -5 * 3'600'000'000LL);
  EXPECT_EQ(time_order("10:00:00.25Z"), 36'000'250'000);
  EXPECT_EQ(time_order("10:00"), std::nullopt);
}

TEST(DecimalOrder, SortsAsNumbersDo) {
  const std::vector<std::vector<std::string>> ascending = {
      {"-Infinity"},
      {"-1E+999999999999999999"},
      {"-123456789012345678901234567890"},
      {"-1E+10", "-10000000000"},
      {"-9.5"},
      {"-9.05", "-9.050"},
      {"-9"},
      {"-1.5"},
      {"-1", "-1.00", "-001"},
      {"-0.5"},
      {"-0.05", "-5E-2"},
      {"-1E-30"},
      {"0", "-0", "0.00", "0E+5", "0E-8"},
      {"1E-999999999999999999"},
      {"1E-30"},
      {"0.05", "5e-2"},
      {"0.5"},
      {"1", "1.0", "1.000", "10E-1"},
      {"1.0000000000000000000000000000000000001"},
      {"9"},
      {"10", "1E+1"},
      {"9223372036854775807"},
      {"9223372036854775808"},
      {"18446744073709551616"},
      {"1E+30"},
      {"Infinity"},
  };
  std::string before;
  for (const auto& equals : ascending) {
    const auto order = decimal_order(equals.front());
    ASSERT_TRUE(order.has_value()) << equals.front();
    EXPECT_LT(before, *order) << equals.front();
    for (const std::string& equal : equals) EXPECT_EQ(decimal_order(equal), order) << equal;
    before = *order;
  }
}

TEST(DecimalOrder, SortsRandomNumbersAsDoubles) {
  std::mt19937_64 random(7);
  const auto number = [&random] {
    // Few digits and exponents, so that neighbours and equals are frequent.
    std::string text = (random() % 2 == 0 ? "-" : "") + std::to_string(random() % 30) + "." +
                       std::to_string(random() % 30) + "E" + std::to_string(static_cast<int>(random() % 7) - 3);
    return text;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string a = number();
    const std::string b = number();
    EXPECT_EQ(std::stod(a) < std::stod(b), decimal_order(a).value() < decimal_order(b).value()) << a << " " << b;
  }
}

TEST(DecimalOrder, IsNoneForWhatIsNoNumber) {
  for (const char* text : {"", "-", "NaN", "x", "1x", "1E", "1E+", "1E+9999999999999999999", ".", "1.2.3", "--1"}) {
    EXPECT_EQ(decimal_order(text), std::nullopt) << text;
  }
}

TEST(DurationOrder, ComparesLengths) {
  const std::vector<std::vector<std::string>> ascending = {{"-P999999999D"},
                                                           {"-P1DT1S"},
                                                           {"-P1D", "-PT24H"},
                                                           {"-PT0.5S"},
                                                           {"PT0S", "P0D", "0"},
                                                           {"PT0.000001S"},
                                                           {"PT1S", "PT1.0S", "1.0"},
                                                           {"PT1.5S"},
                                                           {"PT1M", "PT60S"},
                                                           {"P1D", "PT86400S"},
                                                           {"P1DT3.5S"},
                                                           {"P30D", "P1M"},
                                                           {"P1Y", "P365D"},
                                                           {"P1Y30D", "P1Y1M"},
                                                           {"P2737907Y4D", "P999336059D"}};
  std::string before;
  for (const auto& equals : ascending) {
    const auto order = duration_order(equals.front());
    ASSERT_TRUE(order.has_value()) << equals.front();
    EXPECT_LT(before, *order) << equals.front();
    for (const std::string& equal : equals) EXPECT_EQ(duration_order(equal), order) << equal;
    before = *order;
  }
  for (const char* text : {"", "P1", "PT", "P1X", "x"}) {
    EXPECT_EQ(duration_order(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace data_bridge::storage
