// The mask, at every offset and length that a wide loop could get wrong.
#include "websocket/mask.hpp"

#include <gtest/gtest.h>

#include <string>

namespace data_bridge::websocket {
namespace {

constexpr MaskingKey kKey{0x12, 0x34, 0x56, 0xfe};

std::string byte_by_byte(std::string text, std::uint64_t offset) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    text[i] = static_cast<char>(static_cast<unsigned char>(text[i]) ^ kKey[(offset + i) % 4]);
  }
  return text;
}

TEST(MaskTest, IsAppliedByteByByteWhateverTheLengthAndTheOffset) {
  std::string text;
  for (int i = 0; i < 140; ++i) text += static_cast<char>(i * 7);
  for (std::size_t begin = 0; begin < 9; ++begin) {
    for (std::size_t size = 0; begin + size <= text.size(); ++size) {
      for (std::uint64_t offset = 0; offset < 4; ++offset) {
        std::string masked = text;
        apply_mask({masked.data() + begin, size}, kKey, offset);
        const std::string expected =
            text.substr(0, begin) + byte_by_byte(text.substr(begin, size), offset) + text.substr(begin + size);
        ASSERT_EQ(masked, expected) << begin << " " << size << " " << offset;
      }
    }
  }
}

TEST(MaskTest, TwiceIsNothing) {
  std::string text(1000, 'x');
  apply_mask(text, kKey, 3);
  EXPECT_NE(text, std::string(1000, 'x'));
  apply_mask(text, kKey, 3);
  EXPECT_EQ(text, std::string(1000, 'x'));
}

}  // namespace
}  // namespace data_bridge::websocket
