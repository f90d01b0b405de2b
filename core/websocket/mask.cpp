// The mask of a client's frames (RFC 6455, 5.3).
#include "websocket/mask.hpp"

#include <cstddef>
#include <cstring>

namespace data_bridge::websocket {

// Eight bytes at a time, four times in a row: compilers make vector code of it on every machine.
void apply_mask(std::span<char> bytes, const MaskingKey& key, std::uint64_t offset) noexcept {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  constexpr std::size_t kBlock = 4 * kWord;
  std::array<std::uint8_t, kWord> turned{};
  for (std::size_t i = 0; i < kWord; ++i) turned[i] = key[(offset + i) % key.size()];
  std::uint64_t word = 0;
  std::memcpy(&word, turned.data(), kWord);

  char* p = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= kBlock; p += kBlock, left -= kBlock) {
    std::array<std::uint64_t, 4> block{};
    std::memcpy(block.data(), p, kBlock);
    for (std::uint64_t& part : block) part ^= word;
    std::memcpy(p, block.data(), kBlock);
  }
  for (; left >= kWord; p += kWord, left -= kWord) {
    std::uint64_t part = 0;
    std::memcpy(&part, p, kWord);
    part ^= word;
    std::memcpy(p, &part, kWord);
  }
  for (std::size_t i = 0; i < left; ++i) p[i] = static_cast<char>(static_cast<std::uint8_t>(p[i]) ^ turned[i]);
}

}  // namespace data_bridge::websocket
