// SipHash-2-4 with 128 bits (Aumasson and Bernstein): a short fingerprint of any bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace data_bridge::text {

/// Fed piece by piece: pieces of the same bytes in the same order give the same digest, however they are cut.
class SipHash128 {
 public:
  using Key = std::array<std::uint64_t, 2>;
  using Digest = std::array<char, 16>;

  explicit SipHash128(const Key& key) noexcept;
  void add(std::string_view bytes) noexcept;
  void add(std::uint64_t number) noexcept;
  /// Ends it.
  [[nodiscard]] Digest digest() noexcept;

 private:
  void round() noexcept;
  void add_word(std::uint64_t word) noexcept;

  std::uint64_t v0_, v1_, v2_, v3_;
  std::uint64_t word_ = 0;  // of bytes that do not fill one yet
  std::size_t size_ = 0;
};

}  // namespace data_bridge::text
