// Frames as they go over the wire (RFC 6455, 5.2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace data_bridge::websocket {

/// RFC 6455, 5.2 and 11.8.
enum class Opcode : std::uint8_t {
  kContinuation = 0x0,
  kText = 0x1,
  kBinary = 0x2,
  kClose = 0x8,
  kPing = 0x9,
  kPong = 0xA,
};

[[nodiscard]] constexpr bool is_known(std::uint8_t opcode) noexcept {
  return opcode <= 0x2 || (opcode >= 0x8 && opcode <= 0xA);
}
/// RFC 6455, 5.5.
[[nodiscard]] constexpr bool is_control(Opcode opcode) noexcept { return static_cast<std::uint8_t>(opcode) >= 0x8; }

/// RFC 6455, 5.5: the longest payload of a control frame.
inline constexpr std::size_t kLongestControl = 125;

/// The head of a frame that a server sends: whole, and without a mask (RFC 6455, 5.1).
class FrameHead {
 public:
  /// `compressed`: RSV1, on the first frame of a message (RFC 7692, 6).
  FrameHead(Opcode opcode, std::uint64_t length, bool compressed = false) noexcept;

  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }

 private:
  std::array<char, 10> bytes_{};
  std::uint8_t size_;
};

}  // namespace data_bridge::websocket
