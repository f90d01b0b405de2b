// SipHash-2-4 with 128 bits (Aumasson and Bernstein): a short fingerprint of any bytes.
#include "text/siphash.hpp"

#include <bit>
#include <cstring>

namespace data_bridge::text {

static_assert(std::endian::native == std::endian::little);

SipHash128::SipHash128(const Key& key) noexcept
    : v0_(key[0] ^ 0x736f6d6570736575U),
      v1_(key[1] ^ 0x646f72616e646f6dU ^ 0xeeU),
      v2_(key[0] ^ 0x6c7967656e657261U),
      v3_(key[1] ^ 0x7465646279746573U) {}

void SipHash128::round() noexcept {
  v0_ += v1_;
  v1_ = std::rotl(v1_, 13) ^ v0_;
  v0_ = std::rotl(v0_, 32);
  v2_ += v3_;
  v3_ = std::rotl(v3_, 16) ^ v2_;
  v0_ += v3_;
  v3_ = std::rotl(v3_, 21) ^ v0_;
  v2_ += v1_;
  v1_ = std::rotl(v1_, 17) ^ v2_;
  v2_ = std::rotl(v2_, 32);
}

void SipHash128::add_word(std::uint64_t word) noexcept {
  v3_ ^= word;
  round();
  round();
  v0_ ^= word;
}

void SipHash128::add(std::string_view bytes) noexcept {
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    add(word);
  }
  if (bytes.empty()) return;
  std::uint64_t rest = 0;
  std::memcpy(&rest, bytes.data(), bytes.size());
  const std::size_t held = size_ % 8;
  word_ |= rest << (8 * held);
  size_ += bytes.size();
  if (held + bytes.size() >= 8) {
    add_word(word_);
    word_ = rest >> (64 - 8 * held);  // some were held: what is added here is less than a word
  }
}

void SipHash128::add(std::uint64_t number) noexcept {
  const std::size_t held = size_ % 8;
  add_word(word_ | (number << (8 * held)));
  word_ = held == 0 ? 0 : number >> (64 - 8 * held);
  size_ += 8;
}

SipHash128::Digest SipHash128::digest() noexcept {
  add_word(word_ | (static_cast<std::uint64_t>(size_) << 56));
  Digest digest;
  v2_ ^= 0xee;
  for (int i = 0; i < 4; ++i) round();
  const std::uint64_t first = v0_ ^ v1_ ^ v2_ ^ v3_;
  v1_ ^= 0xdd;
  for (int i = 0; i < 4; ++i) round();
  const std::uint64_t second = v0_ ^ v1_ ^ v2_ ^ v3_;
  std::memcpy(digest.data(), &first, 8);
  std::memcpy(digest.data() + 8, &second, 8);
  return digest;
}

}  // namespace data_bridge::text
