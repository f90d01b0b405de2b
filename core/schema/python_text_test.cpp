// str() and repr() as Python writes them.
#include "schema/python_text.hpp"

#include <gtest/gtest.h>

#include <string>

#include "json/parser.hpp"

namespace data_bridge::schema {
namespace {

std::string str(std::string_view text) {
  json::Arena arena;
  PythonTexts texts;
  texts.set_unprintable({{0x7F, 0xA0}, {0xAD, 0xAD}, {0xD800, 0xF8FF}, {0x10FFFE, 0x10FFFF}});
  std::string out;
  texts.append_str(out, *json::parse(text, arena));
  return out;
}

TEST(PythonText, WritesScalars) {
  EXPECT_EQ(str("null"), "None");
  EXPECT_EQ(str("true"), "True");
  EXPECT_EQ(str("-12"), "-12");
  EXPECT_EQ(str("100000000000000000000"), "100000000000000000000");
  EXPECT_EQ(str("1.0"), "1.0");
  EXPECT_EQ(str("1e16"), "1e+16");
  EXPECT_EQ(str("NaN"), "nan");
  EXPECT_EQ(str(R"("it's")"), "it's");
}

TEST(PythonText, WritesContainers) {
  EXPECT_EQ(str(R"([1, "a", [], {}])"), "[1, 'a', [], {}]");
  EXPECT_EQ(str(R"({"a": null, "b": [true]})"), "{'a': None, 'b': [True]}");
}

TEST(PythonText, QuotesAndEscapes) {
  EXPECT_EQ(str(R"(["it's"])"), R"(["it's"])");
  EXPECT_EQ(str(R"(["it's \"so\""])"), R"(['it\'s "so"'])");
  EXPECT_EQ(str(R"(["\\ \t\n\r\u0000\u007f"])"), R"(['\\ \t\n\r\x00\x7f'])");
  EXPECT_EQ(str(R"(["\u00e9\u00ad\ue000"])"), "['\xC3\xA9\\xad\\ue000']");
  EXPECT_EQ(str(R"(["\ud83d\ude00\udbff\udfff"])"), "['\xF0\x9F\x98\x80\\U0010ffff']");
  EXPECT_EQ(str(R"(["\ud800"])"), "['\\ud800']");
}

}  // namespace
}  // namespace data_bridge::schema
