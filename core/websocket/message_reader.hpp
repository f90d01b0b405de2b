// From a client's bytes to messages and control frames (RFC 6455, 5; RFC 7692, 6.2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "websocket/close.hpp"
#include "websocket/deflate.hpp"
#include "websocket/frame.hpp"
#include "websocket/mask.hpp"
#include "websocket/utf8_stream.hpp"

namespace data_bridge::websocket {

struct ReaderOptions {
  /// Of a message, after inflating, over all its frames; as much is allowed.
  std::uint64_t max_size = 16 * 1024 * 1024;
  std::optional<DeflateParameters> deflate{};
};

/// Reads frames however their bytes are cut, and says what is wrong with the first that is not allowed as early as that
/// is certain. Keeps no more than the message at hand. Throws std::bad_alloc.
class MessageReader {
 public:
  enum class Event : std::uint8_t {
    kNone,     ///< all bytes are taken
    kMessage,  ///< kind(), payload(); text is UTF-8
    kPing,     ///< payload()
    kPong,     ///< payload()
    kClose,    ///< close(), payload(); what follows is not for us (RFC 6455, 1.4)
    kFailed,   ///< failure(); nothing more can be read
  };

  explicit MessageReader(const ReaderOptions& options);

  /// Takes bytes from the front of `input` up to the next event. The bytes are unmasked where they lie.
  [[nodiscard]] Event next(std::span<char>& input);

  /// kText or kBinary.
  [[nodiscard]] Opcode kind() const noexcept { return kind_; }
  /// Valid until the next call of next(), and as long as its input.
  [[nodiscard]] std::string_view payload() const noexcept { return payload_; }
  /// The same, without a copy where that is possible.
  [[nodiscard]] std::string take_payload();
  [[nodiscard]] const Close& close() const noexcept { return close_; }
  [[nodiscard]] const Failure& failure() const noexcept { return failure_; }
  /// Bytes that the frame at hand lacks, as far as that is known.
  [[nodiscard]] std::uint64_t missing() const noexcept { return in_payload_ ? left_ : 0; }
  /// Inflater::sleep(), for tests: it may happen at any time, and changes nothing.
  void sleep();

 private:
  [[nodiscard]] bool take_head(std::span<char>& input);
  [[nodiscard]] bool check_head();
  [[nodiscard]] bool check_data_head();
  [[nodiscard]] Event take_payload_of(std::span<char>& input);
  [[nodiscard]] Event take_control(std::span<char> piece);
  [[nodiscard]] Event take_data(std::span<char> piece);
  [[nodiscard]] bool append(std::string_view piece, bool last);
  [[nodiscard]] bool fail(std::uint16_t code, std::string reason);
  [[nodiscard]] bool fail_size(std::string reason);
  [[nodiscard]] bool fail_protocol(const char* reason) { return fail(CloseCode::kProtocolError, reason); }
  void forget_event() noexcept;

  const std::uint64_t max_size_;
  const std::optional<DeflateParameters> deflate_;
  std::unique_ptr<Inflater> inflater_;  // from the first compressed message on

  // The frame.
  std::array<std::uint8_t, 14> head_{};
  std::uint8_t head_size_ = 0;  // of it is there
  bool in_payload_ = false;
  bool fin_ = false;
  Opcode opcode_ = Opcode::kContinuation;
  MaskingKey key_{};
  std::uint64_t length_ = 0;
  std::uint64_t left_ = 0;

  // The message.
  bool fragmented_ = false;  // one has begun, and its last frame has not
  bool compressed_ = false;
  Opcode kind_ = Opcode::kBinary;
  Utf8Stream utf8_;
  std::string message_;
  std::uint64_t size_before_ = 0;  // of the message, in frames before this

  // The event.
  std::string control_;
  std::string_view payload_;
  bool failed_ = false;
  bool message_done_ = false;
  Close close_;
  Failure failure_;
};

}  // namespace data_bridge::websocket
