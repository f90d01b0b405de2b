// Pydantic's and Python's ways to write numbers and strings.
#include "json/writer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>

#include "json/parser.hpp"
#include "json/scalar_text.hpp"

namespace data_bridge::json {
namespace {

std::string pydantic(double value) {
  std::string out;
  EXPECT_TRUE(write(out, Value::number(value), Style::kPydantic));
  return out;
}

std::string python(double value) {
  std::string out;
  append_python_repr(out, value);
  return out;
}

TEST(Writer, Doubles) {
  EXPECT_EQ(pydantic(1e16), "1e+16");
  EXPECT_EQ(pydantic(1e15), "1000000000000000.0");
  EXPECT_EQ(pydantic(1234567890123456.8), "1234567890123456.8");
  EXPECT_EQ(pydantic(1e-5), "0.00001");
  EXPECT_EQ(pydantic(1e-6), "1e-6");
  EXPECT_EQ(pydantic(1.5e-7), "1.5e-7");
  EXPECT_EQ(pydantic(-0.0), "-0.0");
  EXPECT_EQ(pydantic(5e-324), "5e-324");
  EXPECT_EQ(pydantic(NAN), "null");
  EXPECT_EQ(pydantic(INFINITY), "null");
  EXPECT_EQ(python(1e16), "1e+16");
  EXPECT_EQ(python(123456789012345680.0), "1.2345678901234568e+17");
  EXPECT_EQ(python(1e-4), "0.0001");
  EXPECT_EQ(python(1e-5), "1e-05");
  EXPECT_EQ(python(1.5e-10), "1.5e-10");
  EXPECT_EQ(python(1e300), "1e+300");
  EXPECT_EQ(python(-INFINITY), "-inf");
  EXPECT_EQ(python(NAN), "nan");
}

/// What std::to_chars() takes for the shortest digits, in the layout of a number without an exponent.
std::string shortest_plain(double value) {
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed).ptr;
  std::string text(buffer.data(), end);
  return text.find('.') == std::string::npos ? text + ".0" : text;
}

TEST(Writer, DoublesOfFewDecimalsAreTheShortestText) {
  const auto check = [](double value) {
    for (const double each : {value, -value, std::nextafter(value, 0.0), std::nextafter(value, 1e300)}) {
      ASSERT_EQ(pydantic(each), shortest_plain(each));
      ASSERT_EQ(python(each), shortest_plain(each));
    }
  };
  for (const double value :
       {0.0011, 0.1, 0.3, 1.0, 10.0, 12.5, 0.999999, 1.0000001, 100.000001, 999999.5, 99999999.999999, 999999999.999999,
        999999999.9999999, 1e9, 1e9 + 0.5, 59.913869, 0.1 + 0.2, 1.1 * 1.1}) {
    check(value);
  }
  std::mt19937_64 random(1);
  for (int count = 0; count < 20'000; ++count) {
    const double scale = std::pow(10.0, static_cast<double>(random() % 10));
    const auto digits = static_cast<double>(random() % 1'000'000'000'000'000ULL >> random() % 40);
    if (const double value = digits / scale; value >= 1.1e-3 && value < 1e15) check(value);
  }
  // Digits that round to six decimals that are another number.
  for (int count = 0; count < 20'000; ++count) {
    check(std::uniform_real_distribution<double>(0.0011, count % 2 == 0 ? 1.0 : 2e9)(random));
  }
}

/// One byte after the other, by the table of RFC 8259.
std::string escaped_plainly(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\x01') {
      out += "\\u0001";
    } else {
      out += c;
    }
  }
  return out + '"';
}

TEST(Writer, StringsOfEveryLengthWithAnEscapeAtEveryPlace) {
  for (std::size_t size = 0; size <= 40; ++size) {
    for (std::size_t place = 0; place <= size; ++place) {
      for (const char escape : {'"', '\\', '\n', '\x01', 'x'}) {
        std::string text(size, ' ');
        for (std::size_t at = 0; at < size; ++at) text[at] = static_cast<char>('a' + at % 26);
        if (place < size) text[place] = escape;
        std::string out = "before";
        append_string(out, text);
        EXPECT_EQ(out, "before" + escaped_plainly(text));
      }
    }
  }
}

TEST(Writer, FixedTextOfEveryLength) {
  for (std::size_t size = 0; size <= 40; ++size) {
    std::string text(size, ' ');
    for (std::size_t at = 0; at < size; ++at) text[at] = static_cast<char>('a' + at % 26);
    const FixedText fixed(text);
    EXPECT_EQ(fixed.text(), text);
    std::string out = "before";
    append_bounded(out, fixed.bound(), [&](char* to) { return fixed.write(to); });
    EXPECT_EQ(out, "before" + text);
  }
}

TEST(Writer, LongStrings) {
  for (const std::size_t size : {4095U, 4096U, 4097U, 8192U, 100'001U}) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += i % 7 == 0 ? '\x01' : i % 11 == 0 ? '"' : 'b';
    std::string out;
    append_string(out, text);
    EXPECT_EQ(out, escaped_plainly(text));
  }
}

TEST(Writer, StringsEscapeOnlyWhatTheyMust) {
  std::string out;
  append_string(out, std::string_view("\0\x1f\x7f\"\\/\b\f\n\r\t<\xE2\x80\xA8\xC3\xA9", 17));
  EXPECT_EQ(out, "\"\\u0000\\u001f\x7f\\\"\\\\/\\b\\f\\n\\r\\t<\xE2\x80\xA8\xC3\xA9\"");
  // One character at every place of the eight that are looked at together.
  for (std::size_t place = 0; place < 24; ++place) {
    std::string text(24, 'x');
    text[place] = '"';
    out.clear();
    append_string(out, text);
    EXPECT_EQ(out, "\"" + std::string(place, 'x') + "\\\"" + std::string(23 - place, 'x') + "\"");
  }
}

TEST(Writer, FastApiStyle) {
  Arena arena;
  std::string out;
  ASSERT_TRUE(write(out, *parse(R"({"_sa_x":1,"b":{"_sa":2,"c":[1e-5]}})", arena), Style::kFastApi));
  EXPECT_EQ(out, R"({"b":{"c":[1e-05]}})");
  out.clear();
  ASSERT_TRUE(write(out, *parse(R"({"_sa_x":1})", arena), Style::kFastApi));
  EXPECT_EQ(out, "{}");
  for (const std::string_view text : {"NaN", "[Infinity]", R"("\ud800")", R"({"\ud800":1})"}) {
    out.clear();
    EXPECT_FALSE(write(out, *parse(text, arena), Style::kFastApi)) << text;
  }
}

TEST(Writer, Depth) {
  Arena arena;
  const auto value = parse("[[1]]", arena);
  std::string out;
  EXPECT_TRUE(write(out, *value, Style::kPydantic, 2));
  EXPECT_FALSE(write(out, *value, Style::kPydantic, 1));
}

}  // namespace
}  // namespace data_bridge::json
