// Decoding as urllib.parse.unquote() does it; every expectation was printed by CPython 3.11.
#include "text/percent.hpp"

#include <gtest/gtest.h>

namespace data_bridge::text {
namespace {

#define REPLACED "\xEF\xBF\xBD"

TEST(DecodePath, Escapes) {
  EXPECT_EQ(decode_path("/a%20b%2Fc%2fd"), "/a b/c/d");
  EXPECT_EQ(decode_path("/%C3%A9%E2%82%AC%F0%9F%98%80"), "/\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(decode_path("/100%"), "/100%");
  EXPECT_EQ(decode_path("/%4"), "/%4");
  EXPECT_EQ(decode_path("/%zz%41"), "/%zzA");
  EXPECT_EQ(decode_path("/%%41"), "/%A");
  EXPECT_EQ(decode_path("/a+b"), "/a+b");
  EXPECT_EQ(decode_path("/%00"), std::string_view("/\0", 2));
}

TEST(DecodePath, BrokenUtf8BecomesOneReplacementForEachMaximalPart) {
  EXPECT_EQ(decode_path("/%80"), "/" REPLACED);
  EXPECT_EQ(decode_path("/%C3x"), "/" REPLACED "x");
  EXPECT_EQ(decode_path("/%E2%82"), "/" REPLACED);
  EXPECT_EQ(decode_path("/%E2%82%41"), "/" REPLACED "A");
  EXPECT_EQ(decode_path("/%F0%9F%98"), "/" REPLACED);
  EXPECT_EQ(decode_path("/%C0%AF"), "/" REPLACED REPLACED);
  EXPECT_EQ(decode_path("/%ED%A0%80"), "/" REPLACED REPLACED REPLACED);
  EXPECT_EQ(decode_path("/%F5%80"), "/" REPLACED REPLACED);
  EXPECT_EQ(decode_path("/%E0%80%80"), "/" REPLACED REPLACED REPLACED);
}

TEST(AppendUri, KeepsWhatMayStandInAUri) {
  std::string out;
  append_uri(out, "/a%20b?x=[1]&y=\"<>\r\n\xC3\xA9");
  EXPECT_EQ(out, "/a%20b?x=[1]&y=%22%3C%3E%0D%0A%C3%A9");
}

TEST(AppendUri, QuotesLikeRedirectResponse) {
  std::string out;
  append_uri(out, "http://h/a b\"<\xC3\xA9>%41~{x}?q=[1]");
  EXPECT_EQ(out, "http://h/a%20b%22%3C%C3%A9%3E%41~%7Bx%7D?q=[1]");
}

TEST(AppendPercentEncoded, LeavesOneSegment) {
  std::string out;
  append_percent_encoded(out, "a/b?c%d e~\xC3\xA9");
  EXPECT_EQ(out, "a%2Fb%3Fc%25d%20e~%C3%A9");
}

}  // namespace
}  // namespace data_bridge::text
