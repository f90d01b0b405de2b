// The digests of the reference implementation.
#include "text/siphash.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace data_bridge::text {
namespace {

std::string hex(const SipHash128::Digest& digest) {
  std::string text;
  for (const char byte : digest) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15U];
  }
  return text;
}

constexpr SipHash128::Key kKey{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

TEST(SipHash128, GivesTheDigestsOfTheReference) {
  EXPECT_EQ(hex(SipHash128(kKey).digest()), "a3817f04ba25a8e66df67214c7550293");
  SipHash128 one(kKey);
  one.add(std::string_view("\0", 1));
  EXPECT_EQ(hex(one.digest()), "da87c1d86b99af44347659119b22fc45");
}

TEST(SipHash128, DoesNotDependOnHowTheBytesAreCut) {
  const std::string bytes = "a text that is longer than three words";
  SipHash128 whole(kKey);
  whole.add(bytes);
  const auto expected = whole.digest();
  for (std::size_t at = 0; at <= bytes.size(); ++at) {
    SipHash128 cut(kKey);
    cut.add(bytes.substr(0, at));
    if (bytes.size() - at >= 8) {  // a number is its eight bytes
      std::uint64_t number = 0;
      std::memcpy(&number, bytes.data() + at, 8);
      cut.add(number);
      cut.add(bytes.substr(at + 8));
    } else {
      cut.add(bytes.substr(at));
    }
    EXPECT_EQ(cut.digest(), expected) << at;
  }
  SipHash128 other(kKey);
  other.add(bytes.substr(1));
  EXPECT_NE(other.digest(), expected);
}

}  // namespace
}  // namespace data_bridge::text
