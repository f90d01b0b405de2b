// Dates, reason phrases, status lines.
#include "http/h1/response_writer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>

#include "http/date.hpp"
#include "http/exchange.hpp"
#include "http/status.hpp"

namespace data_bridge::http::h1 {
namespace {

std::string fixdate(std::time_t time) {
  const auto text = imf_fixdate(time);
  return {text.data(), text.size()};
}

TEST(Date, IsAnImfFixdate) {
  EXPECT_EQ(fixdate(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");  // the example of RFC 9110, 5.6.7
  EXPECT_EQ(fixdate(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(fixdate(1709210096), "Thu, 29 Feb 2024 12:34:56 GMT");
  EXPECT_EQ(fixdate(4102444799), "Thu, 31 Dec 2099 23:59:59 GMT");
}

TEST(Date, LineIsOfThisSecond) {
  DateLine line;
  const std::time_t before = std::time(nullptr);
  const std::string text(line.get());
  const std::time_t after = std::time(nullptr);
  bool found = false;
  for (std::time_t time = before - 1; time <= after; ++time) found |= text == "date: " + fixdate(time) + "\r\n";
  EXPECT_TRUE(found) << text;
}

TEST(Status, PhrasesAreThoseOfPython) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(418), "I'm a Teapot");
  EXPECT_EQ(reason_phrase(422), "Unprocessable Content");
  EXPECT_EQ(reason_phrase(422, true), "Unprocessable Entity");
  EXPECT_EQ(reason_phrase(413, true), "Request Entity Too Large");
  EXPECT_EQ(reason_phrase(299), "");
}

std::string head(const Options& options, int status) {
  ResponseWriter writer(options);
  runtime::Buffer out;
  writer.write_head(out, ResponseHead{.status = status}, {}, ResponseFields({}));
  return std::string(out.view());
}

TEST(ResponseWriter, SwitchesHeadersOff) {
  Options options;
  options.date_header = false;
  EXPECT_EQ(head(options, 299), "HTTP/1.1 299 \r\nserver: data_bridge\r\n\r\n");
  options.server_header = false;
  options.legacy_reason_phrases = true;
  EXPECT_EQ(head(options, 422), "HTTP/1.1 422 Unprocessable Entity\r\n\r\n");
  options.server_header = true;
  options.server_name = "a\r\nb";
  EXPECT_EQ(head(options, 200), "HTTP/1.1 200 OK\r\n\r\n") << "a name that would split the head is not sent";
}

TEST(ResponseWriter, AgreesWithItselfAboutLengths) {
  const auto read = [](std::initializer_list<Header> headers) {
    return ResponseFields(std::span(headers.begin(), headers.size()));
  };
  EXPECT_FALSE(read({{"content-length", "3"}, {"Content-Length", "3"}}).lengths_differ);
  const ResponseFields differing = read({{"content-length", "3"}, {"Content-Length", "4"}});
  EXPECT_TRUE(differing.valid && differing.lengths_differ);
  EXPECT_EQ(differing.content_length, 3U);
  EXPECT_FALSE(read({{"content-length", ""}}).valid);
  EXPECT_FALSE(read({{"content-length", "-1"}}).valid);
}

TEST(ResponseWriter, SomeFieldsMayStandInFrontOfTheServersOwn) {
  Options options;
  options.date_header = false;
  ResponseWriter writer(options);
  const std::array<Header, 3> headers{{{"Upgrade", "x"}, {"Connection", "Upgrade"}, {"a", "1"}}};
  runtime::Buffer out;
  writer.write_head(out, {.status = 101, .upgrade = true, .leading = 2}, headers, ResponseFields(headers));
  EXPECT_EQ(
      out.view(),
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\nserver: data_bridge\r\na: 1\r\n\r\n");
}

TEST(ResponseWriter, RefusalsOfUpgradesAreThoseOfWebsockets) {
  Options options;
  options.date_header = false;
  ResponseWriter writer(options);
  const auto refusal = [&](int status, std::uint64_t length, std::span<const Header> headers) {
    runtime::Buffer out;
    writer.write_refusal(out, status, length, headers, ResponseFields(headers));
    return std::string(out.view());
  };
  EXPECT_EQ(refusal(403, 0, {}),
            "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n\r\n");
  const std::array<Header, 4> given{
      {{"X-A", "1"}, {"content-LENGTH", "2"}, {"Content-Type", "a/b"}, {"Transfer-Encoding", "chunked"}}};
  EXPECT_EQ(refusal(499, 2, given),
            "HTTP/1.1 499 \r\nX-A: 1\r\ncontent-LENGTH: 2\r\nContent-Type: a/b\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(refusal(400, 3, std::span(given).first(2)),
            "HTTP/1.1 400 Bad Request\r\nX-A: 1\r\nConnection: close\r\nContent-Length: 3\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n\r\n")
      << "a length that is not true";
  EXPECT_EQ(refusal(204, 0, {}), "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
  options.date_header = true;
  ResponseWriter dated(options);
  runtime::Buffer out;
  dated.write_refusal(out, 403, 0, {}, ResponseFields({}));
  EXPECT_TRUE(out.view().starts_with("HTTP/1.1 403 Forbidden\r\nDate: ")) << out.view();
}

TEST(ResponseWriter, ChunkSizesAreHexadecimal) {
  runtime::Buffer out;
  write_chunk_size(out, 1);
  write_chunk_size(out, 255);
  write_chunk_size(out, 65536);
  EXPECT_EQ(out.view(), "1\r\nff\r\n10000\r\n");
}

TEST(ValidHeader, KnowsTokensAndFieldValues) {
  EXPECT_TRUE(valid_header("x-a", ""));
  EXPECT_TRUE(valid_header("x", "a\tb \xc3\xa9"));
  EXPECT_TRUE(valid_header("x-\xe9", "a"));
  EXPECT_FALSE(valid_header("", "a"));
  EXPECT_FALSE(valid_header("x:", "a"));
  EXPECT_FALSE(valid_header("x", "a\nb"));
  EXPECT_FALSE(valid_header("x", "a\x7f"));
}

}  // namespace
}  // namespace data_bridge::http::h1
