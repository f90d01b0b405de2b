// The time, as text.
#include "text/utc_now.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace data_bridge::text {

std::string wall_clock(std::chrono::seconds offset) {
  using namespace std::chrono;
  const auto now = floor<microseconds>(system_clock::now()) + offset;
  const auto day = floor<days>(now);
  const year_month_day date(day);
  const hh_mm_ss clock(now - day);
  std::array<char, 80> text{};
  int size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                           static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                           static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                           static_cast<int>(clock.seconds().count()));
  std::string result(text.data(), static_cast<std::size_t>(size));
  if (const auto fraction = clock.subseconds().count(); fraction != 0) {
    size = std::snprintf(text.data(), text.size(), ".%06d", static_cast<int>(fraction));
    result.append(text.data(), static_cast<std::size_t>(size));
  }
  return result;
}

std::string utc_now() { return wall_clock(std::chrono::seconds(0)) += 'Z'; }

}  // namespace data_bridge::text
