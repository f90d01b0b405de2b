// The Date field, rendered once a second.
#include "http/date.hpp"

#include <algorithm>
#include <cstddef>

namespace data_bridge::http {
namespace {

constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";

}  // namespace

// By hand, since strftime's names depend on the process's locale.
std::array<char, 29> imf_fixdate(std::time_t time) noexcept {
  tm utc{};
  gmtime_r(&time, &utc);
  std::array<char, 29> text{};
  char* out = text.data();
  const auto put = [&out](std::string_view piece) { out = std::ranges::copy(piece, out).out; };
  const auto put_two = [&out](int number) {
    *out++ = static_cast<char>('0' + number / 10 % 10);
    *out++ = static_cast<char>('0' + number % 10);
  };
  put(kDays.substr(static_cast<std::size_t>(utc.tm_wday) * 3, 3));
  put(", ");
  put_two(utc.tm_mday);
  put(" ");
  put(kMonths.substr(static_cast<std::size_t>(utc.tm_mon) * 3, 3));
  put(" ");
  put_two((utc.tm_year + 1900) / 100);
  put_two((utc.tm_year + 1900) % 100);
  put(" ");
  put_two(utc.tm_hour);
  put(":");
  put_two(utc.tm_min);
  put(":");
  put_two(utc.tm_sec);
  put(" GMT");
  return text;
}

void DateLine::render(std::time_t time) noexcept {
  const std::array<char, 29> date = imf_fixdate(time);
  char* out = std::ranges::copy(std::string_view("date: "), line_.data()).out;
  out = std::ranges::copy(date, out).out;
  std::ranges::copy(std::string_view("\r\n"), out);
  rendered_ = time;
}

}  // namespace data_bridge::http
