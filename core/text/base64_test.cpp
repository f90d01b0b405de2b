// The same as base64.urlsafe_b64encode() without its padding, and back.
#include "text/base64.hpp"

#include <gtest/gtest.h>

#include <random>

namespace data_bridge::text {
namespace {

TEST(Base64Url, TestVectorsOfRfc4648) {
  EXPECT_EQ(to_base64url(""), "");
  EXPECT_EQ(to_base64url("f"), "Zg");
  EXPECT_EQ(to_base64url("fo"), "Zm8");
  EXPECT_EQ(to_base64url("foo"), "Zm9v");
  EXPECT_EQ(to_base64url("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64url("\xFB\xEF\xFF"), "--__");
}

TEST(Base64Url, GivesBackWhatItWasGiven) {
  std::mt19937 random(11);
  for (std::size_t size = 0; size < 100; ++size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
  }
}

TEST(Base64Url, ReadsOneSpellingOnly) {
  for (const std::string_view text : {"Z", "Zm9vY", "Zg==", "Zh", "Zm9", "Zm9v ", "Zm+v", "Zm/v", "Zm\xC3\xA9"}) {
    EXPECT_EQ(from_base64url(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace data_bridge::text
