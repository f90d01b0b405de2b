// JSON text of strings and numbers, written into memory that was made large enough before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace data_bridge::json {

enum class FloatStyle : std::uint8_t {
  kPydantic,        ///< Rust's zmij: 1e+16, 0.00001, 1e-6
  kPlainExponents,  ///< Rust's ryu: 1e16, 0.00001, 1e-6
  kPython,          ///< repr(): 1e+16, 0.0001, 1e-05
};

// What a write_*() may need behind `to`, in bytes.
inline constexpr std::size_t kIntBound = 20;
inline constexpr std::size_t kDoubleBound = 32;
/// Without quotes: every byte may become \u00XX.
[[nodiscard]] constexpr std::size_t escaped_bound(std::size_t size) noexcept { return 6 * size; }
[[nodiscard]] constexpr std::size_t string_bound(std::size_t size) noexcept { return escaped_bound(size) + 2; }
/// Longer strings are for append_string(), which does not reserve their bound at once.
inline constexpr std::size_t kShortString = 4096;

// Each returns the end of what it wrote.

/// The bytes as they are.
[[nodiscard]] inline char* write_text(char* to, std::string_view text) noexcept {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}
/// Text that is written again and again: in pieces of one size, which need no call of memcpy().
class FixedText {
 public:
  explicit FixedText(std::string text) : size_(text.size()), padded_(std::move(text)) {
    padded_.resize((size_ + kPiece - 1) / kPiece * kPiece);
  }
  [[nodiscard]] std::string_view text() const noexcept { return {padded_.data(), size_}; }
  /// What write() may touch.
  [[nodiscard]] std::size_t bound() const noexcept { return padded_.size(); }
  [[nodiscard]] char* write(char* to) const noexcept {
    const std::size_t size = size_;
    const char* const from = padded_.data();
    for (std::size_t at = 0; at < size; at += kPiece) std::memcpy(to + at, from + at, kPiece);
    return to + size;
  }

 private:
  static constexpr std::size_t kPiece = 16;
  std::size_t size_;
  std::string padded_;
};

/// The inside of a JSON string. `text` is valid UTF-8.
[[nodiscard]] char* write_escaped(char* to, std::string_view text) noexcept;
/// write_escaped() with the quotes.
[[nodiscard]] inline char* write_string(char* to, std::string_view text) noexcept {
  *to++ = '"';
  to = write_escaped(to, text);
  *to++ = '"';
  return to;
}
[[nodiscard]] char* write_int(char* to, std::int64_t value) noexcept;
/// `value` must be finite.
[[nodiscard]] char* write_double(char* to, double value, FloatStyle style) noexcept;

/// Appends what `write(to)`, which returns its end, puts into `bound` bytes. One look at the capacity for all of it:
/// with append() each piece has its own, and a call of memmove().
template <typename Write>
void append_bounded(std::string& out, std::size_t bound, Write write) {
  const std::size_t size = out.size();
  if (out.capacity() - size < bound) out.reserve(size + bound);  // at least doubles
  out.resize_and_overwrite(size + bound, [&](char* data, std::size_t /*all*/) { return write(data + size) - data; });
}

}  // namespace data_bridge::json
