// Close codes and the payload of close frames.
#include "websocket/close.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace data_bridge::websocket {
namespace {

TEST(CloseTest, CodesThatMayBeSent) {
  for (std::int64_t code = -1; code <= 70'000; ++code) {
    const bool expected =
        (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
    ASSERT_EQ(may_be_sent(code), expected) << code;
  }
}

TEST(CloseTest, IsReadAsItIsWritten) {
  Failure failure;
  for (const std::uint16_t code : {std::uint16_t{1000}, std::uint16_t{3001}, std::uint16_t{4999}}) {
    const auto close = read_close(close_payload(code, "why \xe2\x82\xac"), failure);
    ASSERT_TRUE(close);
    EXPECT_EQ(close->code, code);
    EXPECT_EQ(close->reason, "why \xe2\x82\xac");
  }
  EXPECT_EQ(close_payload(1000, ""), std::string("\x03\xe8", 2));
}

TEST(CloseTest, WithoutACode) {
  Failure failure;
  const auto close = read_close("", failure);
  ASSERT_TRUE(close);
  EXPECT_EQ(close->code, CloseCode::kNoStatus);
  EXPECT_EQ(close->reason, "");
}

TEST(CloseTest, SaysWhatIsWrong) {
  const std::vector<std::pair<std::string, std::pair<std::uint16_t, std::string>>> cases{
      {"\x03", {1002, "close frame too short"}},
      {"\x03\xed", {1002, "invalid status code"}},
      {std::string("\0\0", 2), {1002, "invalid status code"}},
      {"\x03\xe8\xff", {1007, "invalid start byte at position 0"}},
      {"\x03\xe8 a\x80", {1007, "invalid start byte at position 2"}},
      {"\x03\xe8 a\xe2\x82", {1007, "unexpected end of data at position 2"}},
      {"\x03\xe8 a\xe2\x28", {1007, "invalid continuation byte at position 2"}},
      {"\x03\xe8\xed\xa0\x80", {1007, "invalid continuation byte at position 0"}},
      {"\x03\xed\xff", {1007, "invalid start byte at position 0"}},
  };
  for (const auto& [payload, expected] : cases) {
    Failure failure;
    EXPECT_FALSE(read_close(payload, failure));
    EXPECT_EQ(failure.code, expected.first);
    EXPECT_EQ(failure.reason, expected.second);
  }
}

}  // namespace
}  // namespace data_bridge::websocket
