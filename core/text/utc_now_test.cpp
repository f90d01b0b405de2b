#include "text/utc_now.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <iomanip>
#include <sstream>
#include <string>

namespace data_bridge::text {
namespace {

using std::chrono::microseconds;
using std::chrono::system_clock;

std::chrono::sys_time<microseconds> read(const std::string& text) {
  std::istringstream stream(text);
  std::tm parts{};
  stream >> std::get_time(&parts, "%Y-%m-%dT%H:%M:%S");
  EXPECT_FALSE(stream.fail()) << text;
  double fraction = 0;
  if (stream.peek() == '.') stream >> fraction;
  EXPECT_EQ(stream.get(), 'Z') << text;
  return std::chrono::sys_seconds(std::chrono::seconds(timegm(&parts))) +
         std::chrono::round<microseconds>(std::chrono::duration<double>(fraction));
}

TEST(UtcNow, IsTheTimeToTheMicrosecond) {
  for (int turn = 0; turn < 100; ++turn) {
    const auto before = std::chrono::floor<microseconds>(system_clock::now());
    const std::string text = utc_now();
    const auto after = system_clock::now();
    EXPECT_TRUE(text.size() == 27 || text.size() == 20) << text;
    EXPECT_GE(read(text), before) << text;
    EXPECT_LE(read(text), after) << text;
  }
}

}  // namespace
}  // namespace data_bridge::text
