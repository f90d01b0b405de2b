// The Date field, rendered once a second.
#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <string_view>

namespace data_bridge::http {

/// IMF-fixdate (RFC 9110, 5.6.7) of a Unix time, as "Sun, 06 Nov 1994 08:49:37 GMT".
[[nodiscard]] std::array<char, 29> imf_fixdate(std::time_t time) noexcept;

/// One per thread.
class DateLine {
 public:
  /// "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" of now, valid until the next call.
  [[nodiscard]] std::string_view get() noexcept {
    // The coarse clock is read in ~6 ns without a system call, and is at most one tick (4 ms) late.
    timespec now{};
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != rendered_) render(now.tv_sec);
    return {line_.data(), line_.size()};
  }

 private:
  void render(std::time_t time) noexcept;

  std::time_t rendered_ = -1;
  std::array<char, 6 + 29 + 2> line_{};
};

}  // namespace data_bridge::http
