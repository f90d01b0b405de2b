// UTF-8 in pieces: the same verdict as on the whole, and the earliest one.
#include "websocket/utf8_stream.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "text/utf8.hpp"

namespace data_bridge::websocket {
namespace {

bool valid(std::string_view text) {
  const text::Utf8 verdict = text::check_utf8(text);
  return verdict == text::Utf8::kAscii || verdict == text::Utf8::kValid;
}

bool valid_in_pieces(std::string_view text, std::size_t stride) {
  Utf8Stream stream;
  for (std::size_t i = 0; i < text.size(); i += stride) {
    if (!stream.take(text.substr(i, stride))) return false;
  }
  return stream.complete();
}

TEST(Utf8StreamTest, AgreesOnAllSequencesOfTwoAndThreeBytes) {
  std::string text(3, '\0');
  for (int a = 0x7f; a < 0x100; ++a) {
    for (int b = 0x7e; b < 0xc2; ++b) {
      for (int c = 0x7e; c < 0xc2; c += 3) {
        text = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c)};
        ASSERT_EQ(valid_in_pieces(text, 1), valid(text)) << a << " " << b << " " << c;
        ASSERT_EQ(valid_in_pieces(text, 3), valid(text)) << a << " " << b << " " << c;
      }
    }
  }
}

TEST(Utf8StreamTest, AgreesOnTheEdges) {
  const std::vector<std::pair<std::string_view, bool>> cases{
      {"", true},
      {"plain ASCII of more than a word", true},
      {"\xc2\x80", true},
      {"\xc1\xbf", false},
      {"\xe0\xa0\x80", true},
      {"\xe0\x9f\xbf", false},
      {"\xed\x9f\xbf", true},
      {"\xed\xa0\x80", false},
      {"\xee\x80\x80", true},
      {"\xf0\x90\x80\x80", true},
      {"\xf0\x8f\xbf\xbf", false},
      {"\xf4\x8f\xbf\xbf", true},
      {"\xf4\x90\x80\x80", false},
      {"\xf5\x80\x80\x80", false},
      {"\x80", false},
      {"\xe2\x82", false},
      {"ASCII then \xe2\x82\xac and more ASCII behind it", true},
  };
  for (const auto& [text, expected] : cases) {
    for (std::size_t stride = 1; stride <= text.size() + 1; ++stride) {
      EXPECT_EQ(valid_in_pieces(text, stride), expected) << text << " by " << stride;
    }
  }
}

TEST(Utf8StreamTest, AgreesOnRandomBytes) {
  std::mt19937 random(7);
  constexpr std::string_view kAlphabet = "a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc2\xe0\xe1\xed\xee\xf0\xf1\xf4";
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto size = random() % 24; size > 0; --size) text += kAlphabet[random() % kAlphabet.size()];
    ASSERT_EQ(valid_in_pieces(text, 1 + random() % 9), valid(text));
  }
}

TEST(Utf8StreamTest, SaysNoWithTheFirstByteThatCannotBe) {
  for (const std::string_view text : {"\xff", "a\xc0", "\xe2\x28", "\xed\xa0", "\xf4\x90", "\xf0\x9f\x98\x28"}) {
    Utf8Stream stream;
    EXPECT_TRUE(stream.take(text.substr(0, text.size() - 1)));
    EXPECT_FALSE(stream.take(text.substr(text.size() - 1)));
    EXPECT_FALSE(stream.take("a")) << "and stays at that";
    EXPECT_FALSE(stream.complete());
    stream.reset();
    EXPECT_TRUE(stream.take("a") && stream.complete());
  }
}

}  // namespace
}  // namespace data_bridge::websocket
