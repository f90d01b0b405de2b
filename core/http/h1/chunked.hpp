// Decodes a chunked request body, strictly (RFC 9112, 7.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/h1/parse_error.hpp"
#include "http/limits.hpp"

namespace data_bridge::http::h1 {

/// Hands out the data where it lies; keeps no bytes but the beginning of a trailer field's name.
///
/// Sizes are 1-16 hex digits; extensions are checked, counted and dropped, as are trailer fields. A
/// body whose framing outweighs its data (100 KiB of it around less than a quarter of data) is an attack.
class ChunkedDecoder {
 public:
  enum class Outcome : std::uint8_t {
    kNeedMore,  ///< all of the input is used up
    kData,      ///< `piece` is a non-empty piece of the body; call again
    kDone,      ///< the body is complete; what is left of the input comes after it
    kRejected,  ///< see error(); nothing after this may be interpreted
  };

  explicit ChunkedDecoder(const Limits& limits) noexcept
      : max_trailer_size_(limits.max_head_size), max_fields_(limits.max_fields) {}

  /// Takes bytes from the front of `input`.
  Outcome decode(std::string_view& input, std::string_view& piece) noexcept;
  [[nodiscard]] ParseError error() const noexcept { return error_; }

 private:
  enum class State : std::uint8_t {
    kSize,
    kExtensionName,
    kExtensionValue,
    kExtensionToken,
    kExtensionQuoted,
    kExtensionEscape,
    kExtensionEnd,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kEndLf,
    kDone,
  };

  static constexpr std::size_t kMaxDigits = 16;
  static constexpr std::uint32_t kMaxExtension = 256;
  static constexpr std::uint32_t kMaxExtensions = 16 * 1024;
  static constexpr std::uint64_t kMaxOverhead = 100 * 1024;

  bool step(char c) noexcept;
  bool size_step(char c) noexcept;
  bool extension_step(char c) noexcept;
  bool extension_ends(char c) noexcept;
  bool size_complete() noexcept;
  bool trailer_step(char c) noexcept;
  bool fail(ParseError error) noexcept;

  std::uint64_t size_ = 0;  // of the chunk being read; what is left of it in kData
  std::uint64_t payload_ = 0;
  std::uint64_t overhead_ = 0;
  std::uint64_t trailer_size_ = 0;
  std::uint64_t max_trailer_size_;
  std::uint64_t max_fields_;
  std::uint64_t trailer_fields_ = 0;
  std::uint32_t extension_ = 0;
  std::uint32_t extensions_ = 0;
  std::array<char, 24> name_{};  // lower case; long enough for the longest forbidden one
  std::uint32_t name_size_ = 0;
  std::uint8_t digits_ = 0;
  State state_ = State::kSize;
  ParseError error_ = ParseError::kNone;
};

}  // namespace data_bridge::http::h1
