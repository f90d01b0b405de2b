// UTF-8 that comes in pieces, cut anywhere (RFC 6455, 8.1; RFC 3629).
#pragma once

#include <cstdint>
#include <string_view>

namespace data_bridge::websocket {

/// Says as early as possible that a text is none: no byte is taken that no valid text has at its place.
class Utf8Stream {
 public:
  /// The next piece. False where the text cannot be UTF-8 any more, whatever follows.
  [[nodiscard]] bool take(std::string_view piece) noexcept;
  /// It may end here.
  [[nodiscard]] bool complete() const noexcept { return state_ == 0; }
  void reset() noexcept { state_ = 0; }

 private:
  std::uint8_t state_ = 0;
};

}  // namespace data_bridge::websocket
