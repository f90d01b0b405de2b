// Frames as they go over the wire (RFC 6455, 5.2).
#include "websocket/frame.hpp"

namespace data_bridge::websocket {

FrameHead::FrameHead(Opcode opcode, std::uint64_t length, bool compressed) noexcept {
  constexpr unsigned kFin = 0x80;
  constexpr unsigned kRsv1 = 0x40;
  bytes_[0] = static_cast<char>(kFin | (compressed ? kRsv1 : 0U) | static_cast<unsigned>(opcode));
  std::size_t length_bytes = 0;
  if (length < 126) {
    bytes_[1] = static_cast<char>(length);
  } else if (length <= 0xffff) {
    bytes_[1] = 126;
    length_bytes = 2;
  } else {
    bytes_[1] = 127;
    length_bytes = 8;
  }
  for (std::size_t i = 0; i < length_bytes; ++i) {
    bytes_[2 + i] = static_cast<char>(length >> (8 * (length_bytes - 1 - i)));
  }
  size_ = static_cast<std::uint8_t>(2 + length_bytes);
}

}  // namespace data_bridge::websocket
