// Dates and times as Pydantic reads them. The comparison with Pydantic is in tests/schema.
#include "schema/datetime.hpp"

#include <gtest/gtest.h>

#include <string>

namespace data_bridge::schema {
namespace {

std::string date_of(std::string_view text) {
  const auto value = parse_date(text);
  if (!value) return value.error().is_inexact ? "inexact" : std::string(value.error().message);
  std::string out;
  append_date(out, *value);
  return out;
}

std::string date_of(const json::Value& number) {
  const auto value = date_from_number(number);
  if (!value) return value.error().is_inexact ? "inexact" : std::string(value.error().message);
  std::string out;
  append_date(out, *value);
  return out;
}

std::string time_of(const std::expected<Datetime, std::string_view>& value) {
  if (!value) return std::string(value.error());
  std::string out;
  append_time(out, *value);
  return out;
}

TEST(Date, IsADatetimeAtMidnightInAnyForm) {
  EXPECT_EQ(date_of("2024-02-29"), "2024-02-29");
  EXPECT_EQ(date_of("2024-02-29t00:00:00.0000009-05:30"), "2024-02-29");
  EXPECT_EQ(date_of("86400"), "1970-01-02");
  EXPECT_EQ(date_of("-86400.0"), "1969-12-31");
  EXPECT_EQ(date_of(json::Value::integer(253402214400000)), "9999-12-31");
  EXPECT_EQ(date_of(json::Value::number(1e-9)), "1970-01-01");
  EXPECT_EQ(date_of("0000-01-01"), "0000-01-01");
}

TEST(Date, IsAlsoAUnixTimeWithAnExponent) {
  EXPECT_EQ(date_of("8.64e4"), "1970-01-02");
  EXPECT_EQ(date_of("86400e0"), "input is too short");
  EXPECT_EQ(date_of("9223372036854775807.5"), "dates after 9999 are not supported as unix timestamps");
  EXPECT_EQ(parse_datetime("9223372036854775807.5").error().message, "invalid date separator, expected `-`");
  EXPECT_EQ(date_of("9.e18"), "dates after 9999 are not supported as unix timestamps");
  EXPECT_FALSE(parse_date("8.64e4", false));
  EXPECT_TRUE(parse_date("86400.0", false));
}

TEST(Date, TellsWhatIsWrong) {
  EXPECT_EQ(date_of("2024-02-29T00:00:01"), "inexact");
  EXPECT_EQ(date_of(json::Value::integer(86401)), "inexact");
  EXPECT_EQ(date_of("2023-02-29"), "day value is outside expected range");
  EXPECT_EQ(date_of("2024-01-01x"), "invalid datetime separator, expected `T`, `t`, `_` or space");
  EXPECT_EQ(date_of("2024-01-01T10"), "input is too short");
  EXPECT_EQ(date_of(""), "input is too short");
  EXPECT_EQ(date_of(json::Value::big_integer("-100000000000000000000")),
            "dates before 0000 are not supported as unix timestamps");
}

TEST(Time, WithAndWithoutOffset) {
  EXPECT_EQ(time_of(parse_time("10:00")), "10:00:00");
  EXPECT_EQ(time_of(parse_time("23:59:59,1234567+05:30")), "23:59:59.123456+05:30");
  EXPECT_EQ(time_of(parse_time("10:00\xE2\x88\x92"
                               "0100")),
            "10:00:00-01:00");
  EXPECT_EQ(time_of(parse_time("10:00-00:00")), "10:00:00Z");
  EXPECT_EQ(time_of(time_from_number(json::Value::integer(86399))), "23:59:59Z");
  EXPECT_EQ(time_of(time_from_number(json::Value::number(59.9999999))), "00:01:00Z");
}

TEST(Time, TellsWhatIsWrong) {
  EXPECT_EQ(time_of(parse_time("24:00")), "hour value is outside expected range of 0-23");
  EXPECT_EQ(time_of(parse_time("24:0x")), "invalid character in minute");
  EXPECT_EQ(time_of(parse_time("10:00:00.")), "second fraction digits missing after `.`");
  EXPECT_EQ(time_of(parse_time("10:00+05")), "invalid timezone minute");
  EXPECT_EQ(time_of(parse_time("10:00+23:60")), "timezone minute value is outside expected range of 0-59");
  EXPECT_EQ(time_of(parse_time("10:00zz")), "unexpected extra characters at the end of the input");
  EXPECT_EQ(time_of(time_from_number(json::Value::number(86399.9999999))),
            "numeric times may not exceed 86,399 seconds");
  EXPECT_EQ(time_of(time_from_number(json::Value::number(-1e-9))), "time in seconds should be positive");
  EXPECT_EQ(time_of(time_from_number(json::Value::big_integer("100000000000000000000"))),
            "numeric times may not exceed 86,399 seconds");
}

}  // namespace
}  // namespace data_bridge::schema
