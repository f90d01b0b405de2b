// Rust's regular expressions by RE2: the same meaning, or a refusal.
#include "schema/pattern.hpp"

#include <gtest/gtest.h>

namespace data_bridge::schema {
namespace {

bool found(std::string_view pattern, std::string_view text) {
  const auto compiled = Pattern::compile(pattern);
  EXPECT_TRUE(compiled) << pattern << ": " << compiled.error();
  return compiled && compiled->search(text);
}

TEST(Pattern, UnicodeClasses) {
  EXPECT_TRUE(found(R"(^\d+$)", "12"));
  EXPECT_TRUE(found(R"(^\d+$)", "\xEF\xBC\x91"));  // full-width one
  EXPECT_FALSE(found(R"(^\d+$)", "12\n"));
  EXPECT_TRUE(found(R"(^\w+$)", "\xC3\xA9\xCC\x81_\xE2\x92\xB6"));  // é, a combining accent, circled A
  EXPECT_TRUE(found(R"(^[\w-]+$)", "a-\xC3\xA9"));
  EXPECT_TRUE(found(R"(^\s$)", "\xE2\x80\xA8"));
  EXPECT_FALSE(found(R"(^\W$)", "\xC3\xA9"));
  EXPECT_TRUE(found(R"(^[^\d]$)", "a"));
  EXPECT_TRUE(found(R"(^[]-]+$)", "]-"));
  EXPECT_TRUE(found(R"(^[[:alpha:]]+$)", "ab"));
  EXPECT_TRUE(found(R"(^\p{Greek}\pL$)", "\xCE\xB1x"));
  EXPECT_TRUE(found(R"(^\u00e9\u{e9}\xE9$)", "\xC3\xA9\xC3\xA9\xC3\xA9"));
}

TEST(Pattern, SearchesAnywhere) {
  EXPECT_TRUE(found("b", "abc"));
  EXPECT_TRUE(found("(?i)B(?:c)(?<name>d)?", "abC"));
  EXPECT_TRUE(found("a{2,3}", "baab"));
}

TEST(Pattern, RefusesWhatDiffers) {
  for (const std::string_view pattern :
       {R"(\bword)", R"([a-z&&[^b]])", R"([[a]b])", R"((?x) a b)", R"((?u)a)", R"(a{,3})", R"(a{)", R"([\W])",
        R"(a{1,2000})", R"(\<a)", R"((?=a))", R"(\Z)", R"([a)", R"(\p{Latn)", "\\"}) {
    EXPECT_FALSE(Pattern::compile(pattern)) << pattern;
  }
}

}  // namespace
}  // namespace data_bridge::schema
