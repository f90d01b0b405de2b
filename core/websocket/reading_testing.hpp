// For tests and the fuzzer: what a MessageReader makes of bytes, as one text, however they are cut.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "websocket/message_reader.hpp"

namespace data_bridge::websocket {

/// One line for each event: "text ...", "ping ...", "close 1000 ...", "failed 1002 ...".
inline std::string read_all(const ReaderOptions& options, std::string_view bytes, std::size_t stride,
                            bool sleepy = false) {
  MessageReader reader(options);
  std::string found;
  const auto line = [&](std::string_view what, std::string_view payload) {
    found.append(what).append(" ").append(payload).append("\n");
  };
  for (std::size_t i = 0; i < bytes.size(); i += std::min(stride, bytes.size() - i)) {
    // A copy on the heap: what reads behind its end is found by a sanitizer.
    std::string piece(bytes.substr(i, stride));
    std::span<char> rest(piece);
    while (true) {
      const std::size_t before = rest.size();
      const MessageReader::Event event = reader.next(rest);
      if (event == MessageReader::Event::kNone) break;
      switch (event) {
        case MessageReader::Event::kMessage: {
          const bool text = reader.kind() == Opcode::kText;
          // Both ways to take it.
          line(text ? "text" : "bytes", before % 2 == 0 ? reader.take_payload() : std::string(reader.payload()));
          if (sleepy) reader.sleep();
          break;
        }
        case MessageReader::Event::kPing:
          line("ping", reader.payload());
          break;
        case MessageReader::Event::kPong:
          line("pong", reader.payload());
          break;
        case MessageReader::Event::kClose:
          line("close", std::to_string(reader.close().code) + " " + reader.close().reason);
          return found;
        case MessageReader::Event::kFailed:
          line("failed", std::to_string(reader.failure().code) + " " + reader.failure().reason);
          return found;
        case MessageReader::Event::kNone:
          break;
      }
    }
  }
  return found;
}

/// A client's frame.
struct ClientFrame {
  Opcode opcode = Opcode::kText;
  std::string_view payload;
  bool fin = true;
  unsigned reserved = 0;  ///< RSV1 is 4
  bool masked = true;
  int length_bytes = -1;              ///< of the extended length: 0, 2, 8; -1: the shortest
  std::uint64_t length = UINT64_MAX;  ///< what it claims; default: the truth
};

inline std::string frame(const ClientFrame& f) {
  const std::uint64_t length = f.length == UINT64_MAX ? f.payload.size() : f.length;
  int length_bytes = f.length_bytes;
  if (length_bytes < 0) length_bytes = length < 126 ? 0 : length <= 0xffff ? 2 : 8;
  const auto small = static_cast<unsigned>(length_bytes == 0 ? length : length_bytes == 2 ? 126U : 127U);
  std::string out;
  out += static_cast<char>((f.fin ? 0x80U : 0U) | f.reserved << 4U | static_cast<unsigned>(f.opcode));
  out += static_cast<char>((f.masked ? 0x80U : 0U) | small);
  for (int i = length_bytes - 1; i >= 0; --i) out += static_cast<char>(length >> (8 * static_cast<unsigned>(i)));
  if (!f.masked) return out.append(f.payload);
  constexpr MaskingKey kKey{0x37, 0xfa, 0x21, 0x3d};
  for (const std::uint8_t byte : kKey) out += static_cast<char>(byte);
  std::string payload(f.payload);
  apply_mask(payload, kKey, 0);
  return out + payload;
}

inline std::string text_frame(std::string_view payload, bool fin = true) {
  return frame({.payload = payload, .fin = fin});
}
inline std::string more_frame(std::string_view payload, bool fin = true) {
  return frame({.opcode = Opcode::kContinuation, .payload = payload, .fin = fin});
}

}  // namespace data_bridge::websocket
