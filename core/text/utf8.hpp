// UTF-8: strict checks, counts, and its sequences one by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace data_bridge::text {

enum class Utf8 : std::uint8_t {
  kAscii,
  kValid,
  kSurrogates,  ///< valid but for encoded surrogates (U+D800..U+DFFF), which Python's "surrogatepass" lets through
  kInvalid,     ///< also overlong forms and code points above U+10FFFF
};

[[nodiscard]] Utf8 check_utf8(std::string_view bytes) noexcept;

/// True for the second and later bytes of a sequence.
[[nodiscard]] constexpr bool is_continuation(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

/// Bytes of the sequence that begins with `lead`, in valid (or surrogatepass) UTF-8.
[[nodiscard]] constexpr std::size_t sequence_length(char lead) noexcept {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// The code point of the sequence at the front of `text`, which is valid (or surrogatepass) UTF-8 and not empty.
[[nodiscard]] std::uint32_t first_code_point(std::string_view text) noexcept;

/// `bytes` with U+FFFD, once for each maximal part of a sequence, in the place of what is no UTF-8 (Unicode 15, 3.9):
/// bytes.decode(errors="replace"). Always valid UTF-8.
[[nodiscard]] std::string replace_invalid(std::string bytes);

/// Code points in valid (or surrogatepass) UTF-8: what len() gives in Python.
[[nodiscard]] std::size_t count_code_points(std::string_view text) noexcept;

/// Appends one code point, surrogates included.
void append_code_point(std::string& out, std::uint32_t code_point);

}  // namespace data_bridge::text
