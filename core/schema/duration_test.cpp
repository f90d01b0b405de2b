// Durations as Pydantic reads and writes them. The comparison with Pydantic is in tests/schema.
#include "schema/duration.hpp"

#include <gtest/gtest.h>

#include <string>

namespace data_bridge::schema {
namespace {

std::string written(const std::expected<Duration, std::string_view>& value) {
  if (!value) return std::string(value.error());
  std::string out;
  append_duration(out, *value);
  return out;
}

std::string read(std::string_view text) { return written(parse_duration(text)); }

TEST(Duration, Iso8601) {
  EXPECT_EQ(read("P1Y1M1W1DT1H1M1S"), "P1Y38DT1H1M1S");
  EXPECT_EQ(read("-P3D"), "-P3D");
  EXPECT_EQ(read("+PT36H"), "P1DT12H");
  EXPECT_EQ(read("P1.5Y"), "P1Y182DT12H");
  EXPECT_EQ(read("PT0.123456789S"), "PT0.123457S");
  EXPECT_EQ(read("PT0,9999999S"), "PT1S");
  EXPECT_EQ(read("P999999999D"), "P2739726Y9D");
  EXPECT_EQ(read("PT0S"), "PT0S");
}

TEST(Duration, DaysAndTimes) {
  EXPECT_EQ(read("1 day, 10:00"), "P1DT10H");
  EXPECT_EQ(read("2D"), "P2D");
  EXPECT_EQ(read("-100:00:00.5"), "-P4DT4H0.5S");
  EXPECT_EQ(read("10:00:00.123456789"), "PT10H0.123456S");
}

TEST(Duration, TellsWhatIsWrong) {
  EXPECT_EQ(read(""), "input is too short");
  EXPECT_EQ(read("-"), "input is too short");
  EXPECT_EQ(read("PT"), "input is too short");
  EXPECT_EQ(read("P1H"), "quantity invalid in date part of duration");
  EXPECT_EQ(read("PT1D"), "quantity invalid in time part of duration");
  EXPECT_EQ(read("PT1.5H1M"), "quantity fraction invalid in duration");
  EXPECT_EQ(read("P1DTT1S"), "`t` character repeated in duration");
  EXPECT_EQ(read("P-1D"), "invalid digit in duration");
  EXPECT_EQ(read("P1000000000D"), "durations may not exceed 999,999,999 days");
  EXPECT_EQ(read("P99999999999D"), "a numeric value in the duration is too large");
  EXPECT_EQ(read("1.5"), "\"day\" identifier in duration not correctly formatted");
  EXPECT_EQ(read("3 days 24:00"), "durations may not exceed 999,999,999 hours");
  EXPECT_EQ(read("1000000000:0x"), "invalid character in minute");
  EXPECT_EQ(read("1000000000:00"), "durations may not exceed 999,999,999 hours");
  EXPECT_EQ(read("-0.00"), "\"day\" identifier in duration not correctly formatted");
  EXPECT_EQ(read("10:60"), "minute value is outside expected range of 0-59");
  EXPECT_EQ(read("10:00Z"), "unexpected extra characters at the end of the input");
}

TEST(Duration, FromNumbers) {
  EXPECT_EQ(written(duration_from_number(json::Value::integer(-5))), "-PT5S");
  EXPECT_EQ(written(duration_from_number(json::Value::number(1.9999999))), "PT2S");
  EXPECT_EQ(written(duration_from_number(json::Value::number(-1e-7))), "PT0S");
  EXPECT_EQ(written(duration_from_number(json::Value::number(1e300))), "durations may not exceed 999,999,999 days");
  EXPECT_EQ(*parse_duration("-P999999999D"), kMinDuration);
  EXPECT_EQ(total_seconds(*parse_duration("-PT1.5S")), -1.5);
}

}  // namespace
}  // namespace data_bridge::schema
