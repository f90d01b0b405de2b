// What json.loads accepts, and its messages and positions; the comparison with Python itself is in tests/schema.
#include "json/parser.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "json/writer.hpp"

namespace data_bridge::json {
namespace {

std::string round_trip(std::string_view text) {
  Arena arena;
  const auto value = parse(text, arena);
  if (!value) {
    return "error";
  }
  std::string out;
  return write(out, *value, Style::kPydantic) ? out : "unwritable";
}

struct Failure {
  std::string_view text;
  std::string_view message;
  std::size_t position;
};

TEST(Parser, ReportsAsCPython) {
  const Failure failures[] = {
      {"", "Expecting value", 0},
      {"  ", "Expecting value", 2},
      {"{\"a\":1} x", "Extra data", 8},
      {"{a:1}", "Expecting property name enclosed in double quotes", 1},
      {"{\"a\" 1}", "Expecting ':' delimiter", 5},
      {"[1 2]", "Expecting ',' delimiter", 3},
      {"{\"a\":1,}", "Illegal trailing comma before end of object", 6},
      {"[1 , ]", "Illegal trailing comma before end of array", 3},
      {"\"abc", "Unterminated string starting at", 0},
      {"\"a\nb\"", "Invalid control character at", 2},
      {"\"\\x\"", "Invalid \\escape", 1},
      {"\"\\u12g4\"", "Invalid \\uXXXX escape", 2},
      {"\"\\u1234", "Invalid \\uXXXX escape", 2},
      // Positions count code points, not bytes.
      {"[\"\xC3\xA9\xF0\x9F\x98\x80\" 1]", "Expecting ',' delimiter", 6},
      {"01", "Extra data", 1},
      {"-", "Expecting value", 0},
      {"nul", "Expecting value", 0},
  };
  for (const Failure& failure : failures) {
    Arena arena;
    const auto value = parse(failure.text, arena);
    ASSERT_FALSE(value) << failure.text;
    EXPECT_EQ(value.error().kind, ParseErrorKind::kSyntax) << failure.text;
    EXPECT_EQ(value.error().message, failure.message) << failure.text;
    EXPECT_EQ(value.error().position, failure.position) << failure.text;
  }
}

TEST(Parser, TrailingCommaBefore313) {
  Arena arena;
  const ParseOptions options{.trailing_comma_message = false, .max_depth = 100};
  EXPECT_EQ(parse("{\"a\":1,}", arena, options).error().message,
            std::string_view("Expecting property name enclosed in double quotes"));
  EXPECT_EQ(parse("[1,]", arena, options).error().position, 3U);
}

TEST(Parser, RefusesWhatIsNoText) {
  Arena arena;
  for (const std::string_view bytes :
       {"\"\xFF\"", "\"\xC0\x80\"", "\"\xE0\x80\x80\"", "\"\xF4\x90\x80\x80\"", "{bad \xFF", "\"\xC3"}) {
    EXPECT_EQ(parse(bytes, arena).error().kind, ParseErrorKind::kEncoding) << bytes;
  }
}

TEST(Parser, Encodings) {
  using namespace std::string_view_literals;
  EXPECT_EQ(round_trip("\xEF\xBB\xBF[1]"), "[1]");
  EXPECT_EQ(round_trip("[\0\"\0\xE9\0\"\0]\0"sv), "[\"\xC3\xA9\"]");
  EXPECT_EQ(round_trip("\xFF\xFE[\0]\0"sv), "[]");
  EXPECT_EQ(round_trip("\xFE\xFF\0[\0]"sv), "[]");
  EXPECT_EQ(round_trip("\0\0\0[\0\0\0]"sv), "[]");
  EXPECT_EQ(round_trip("\"\0=\xD8\0\xDE\"\0"sv), "\"\xF0\x9F\x98\x80\"");
  EXPECT_EQ(round_trip("\"\0=\xD8\"\0"sv), "unwritable");  // a lone surrogate
  EXPECT_EQ(round_trip("[\0]\0\0"sv), "error");            // half a code unit
}

TEST(Parser, Integers) {
  Arena arena;
  EXPECT_EQ(parse("-9223372036854775808", arena)->as_int(), INT64_MIN);
  const auto big = parse("9223372036854775808", arena);
  ASSERT_TRUE(big->is_big_int());
  EXPECT_EQ(big->as_string(), "9223372036854775808");
  EXPECT_TRUE(parse("-0", arena)->is_int());
  EXPECT_TRUE(parse(std::string(4300, '9'), arena));
  EXPECT_EQ(parse("-" + std::string(4301, '9'), arena).error().kind, ParseErrorKind::kIntegerSize);
}

TEST(Parser, Doubles) {
  Arena arena;
  EXPECT_TRUE(std::isnan(parse("NaN", arena)->as_double()));
  EXPECT_EQ(parse("-Infinity", arena)->as_double(), -INFINITY);
  EXPECT_EQ(parse("-1e999", arena)->as_double(), -INFINITY);
  EXPECT_EQ(parse("1e9223372036854775807", arena)->as_double(), INFINITY);
  EXPECT_EQ(parse("1e-9223372036854775808", arena)->as_double(), 0.0);
  EXPECT_EQ(parse("0.01e99999999999999999999", arena)->as_double(), INFINITY);
  EXPECT_EQ(parse("100e-99999999999999999999", arena)->as_double(), 0.0);
  EXPECT_EQ(parse("0e99999999999999999999", arena)->as_double(), 0.0);
  EXPECT_EQ(parse("1e-999", arena)->as_double(), 0.0);
  EXPECT_EQ(parse("1e-99999999999999999999", arena)->as_double(), 0.0);
  EXPECT_EQ(parse("0." + std::string(400, '0') + "1e401", arena)->as_double(), 1.0);
  EXPECT_EQ(parse("0e99999999999999999999", arena)->as_double(), 0.0);
  EXPECT_TRUE(std::signbit(parse("-0.0", arena)->as_double()));
}

TEST(Parser, RepeatedKeysKeepTheFirstPlaceAndTheLastValue) {
  EXPECT_EQ(round_trip(R"({"a":1,"b":2,"a":3})"), R"({"a":3,"b":2})");
  std::string many = "{";
  std::string expected = "{";
  for (int i = 0; i < 90; ++i) {
    many += (i ? ",\"" : "\"") + std::to_string(i % 30) + "\":" + std::to_string(i);
  }
  for (int i = 0; i < 30; ++i) {
    expected += (i ? ",\"" : "\"") + std::to_string(i) + "\":" + std::to_string(i + 60);
  }
  EXPECT_EQ(round_trip(many + "}"), expected + "}");
}

TEST(Parser, EscapesAndSurrogates) {
  EXPECT_EQ(round_trip(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00")"),
            "\"\\\"\\\\/\\b\\f\\n\\r\\tA\xC3\xA9\xF0\x9F\x98\x80\"");
  Arena arena;
  for (const std::string_view text : {R"("\ud800")", R"("\ud800\u0041")", R"("\udc00\ud800")", "\"\xED\xA0\x80\""}) {
    const auto value = parse(text, arena);
    ASSERT_TRUE(value) << text;
    EXPECT_TRUE(value->has_surrogates()) << text;
  }
  // Two raw halves are two code points to Python; they are not joined.
  EXPECT_TRUE(parse("\"\xED\xA0\xBD\xED\xB8\x80\"", arena)->has_surrogates());
}

TEST(Parser, Depth) {
  Arena arena;
  const ParseOptions options{.trailing_comma_message = true, .max_depth = 50};
  EXPECT_TRUE(parse(std::string(50, '[') + std::string(50, ']'), arena, options));
  EXPECT_EQ(parse(std::string(51, '['), arena, options).error().kind, ParseErrorKind::kDepth);
  // The default is what CPython 3.13 reads; neither parser nor writer may use the stack for it.
  const std::string deep = std::string(9993, '[') + std::string(9993, ']');
  const auto value = parse(deep, arena);
  ASSERT_TRUE(value);
  std::string out;
  EXPECT_FALSE(write(out, *value, Style::kFastApi));
}

// An answer must never depend on what lies behind the body in memory.
TEST(Parser, EveryPrefixOfADocumentFails) {
  const std::string text = R"({"a":[1,-2.5e3,"x\u00e9\ud83d\ude00\n",null,true,false,NaN],"b":{"c":Infinity}})";
  for (std::size_t length = 0; length < text.size(); ++length) {
    const std::string prefix = text.substr(0, length);
    Arena arena;
    EXPECT_FALSE(parse(prefix, arena)) << prefix;
  }
}

}  // namespace
}  // namespace data_bridge::json
