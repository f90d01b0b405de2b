// The last message that was compressed without what came before it: whoever sends the same has the payload already.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace data_bridge::websocket {

/// One message of a thread and its payload, which any client understands whose window is not smaller: it refers to
/// nothing in front of it. A message to all is compressed once so. The message is compared, not its address: that is
/// far cheaper than to compress it, and nobody has to keep it.
class SharedPayload {
 public:
  /// Bytes of a message; what is larger is not kept.
  static constexpr std::size_t kMost = std::size_t{256} * 1024;

  static SharedPayload& of_this_thread() {
    thread_local SharedPayload instance;
    return instance;
  }

  [[nodiscard]] bool is_of(std::string_view message, std::uint8_t window_bits) const noexcept {
    return window_bits == window_bits_ && message == message_;
  }
  [[nodiscard]] std::string_view payload() const noexcept { return payload_; }
  /// Throws std::bad_alloc; there is none then.
  void keep(std::string_view message, std::uint8_t window_bits, std::string_view payload) {
    window_bits_ = 0;
    if (message.size() > kMost) return;
    message_.assign(message);
    payload_.assign(payload);
    window_bits_ = window_bits;
  }

 private:
  std::string message_;
  std::string payload_;
  std::uint8_t window_bits_ = 0;  // none
};

}  // namespace data_bridge::websocket
