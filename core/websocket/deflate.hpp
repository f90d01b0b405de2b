// permessage-deflate: what both sides have agreed on, and the two directions of it (RFC 7692, 7).
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "websocket/awake.hpp"

namespace data_bridge::websocket {

/// RFC 7692, 7.1.
struct DeflateParameters {
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  std::uint8_t server_max_window_bits = 12;
  std::uint8_t client_max_window_bits = 15;
};

/// Compresses a server's messages (RFC 7692, 7.2.1). Its memory, some 32 KiB, is taken with the first message, and may
/// be let go between any two (see Awake): a client does not mind what a server has forgotten. Throws std::bad_alloc.
/// Of one thread.
class Deflater {
 public:
  explicit Deflater(const DeflateParameters& parameters) noexcept;
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  /// Appends the payload of one frame with all of `message`. One that sleeps goes on sleeping where another of the
  /// thread has just compressed the same, and to wake would put a third to sleep.
  void compress(std::string_view message, std::string& out);
  /// Lets the memory go, and what was learnt from messages before.
  void sleep() noexcept;

 private:
  void wake();
  void run(std::string_view input, int flush, std::string& out);

  z_stream stream_{};
  std::uint8_t window_bits_;
  bool no_context_takeover_;
  std::shared_ptr<Awake<Deflater>> awake_;  // null while it sleeps
  Awake<Deflater>::Place place_;
};

/// Decompresses a client's messages (RFC 7692, 7.2.2) within a bound. Throws std::bad_alloc. Of one thread.
class Inflater {
 public:
  enum class Outcome : std::uint8_t { kGood, kInvalid, kTooBig };

  explicit Inflater(const DeflateParameters& parameters) noexcept;
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// A piece of a message's payload, be it of one frame or of several. Appends to `out` what it stands for, and stops
  /// where that is more than `most` bytes together.
  [[nodiscard]] Outcome inflate(std::string_view piece, std::uint64_t most, std::string& out);
  /// The message has ended.
  [[nodiscard]] Outcome finish(std::uint64_t most, std::string& out);
  /// Lets all memory go but the window that the client may refer to, mostly up to 4 KiB. Nothing where it is in the
  /// middle of a block.
  void sleep();

 private:
  void wake();
  void end() noexcept;
  void begin_anew();
  [[nodiscard]] std::string window();

  z_stream stream_{};
  std::string kept_window_;  // while it sleeps
  std::uint8_t window_bits_;
  bool no_context_takeover_;
  std::shared_ptr<Awake<Inflater>> awake_;  // null while it sleeps
  Awake<Inflater>::Place place_;
};

}  // namespace data_bridge::websocket
