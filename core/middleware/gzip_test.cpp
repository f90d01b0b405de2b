// What is compressed, and what its fields say; that the bytes are Python's is compared in tests/bridge.
#include "middleware/gzip.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <string>
#include <vector>

#include "http/layer_testing.hpp"
#include "http/server_testing.hpp"
#include "middleware/request_testing.hpp"

namespace data_bridge::middleware {
namespace {

using http::Exchange;

/// What a reader has of these bytes, be the member complete or not.
std::string decompressed(std::string_view bytes) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
  std::string text;
  std::array<char, 4096> out{};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  do {
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = out.size();
    if (inflate(&stream, Z_SYNC_FLUSH) < 0) break;
    text.append(out.data(), out.size() - stream.avail_out);
  } while (stream.avail_out == 0);
  inflateEnd(&stream);
  return text;
}

struct GzipTest : ::testing::Test {
  http::TestServer server;
  http::TestClient client{-1};

  void use(GzipOptions options) {
    server.connections.set_layers(http::pipeline({std::make_shared<Gzip>(std::move(options))}));
    client = server.connect();
  }
  void answer(int status, std::vector<http::Header> fields, std::string body) {
    server.handler.answer = [=](Exchange& exchange) { exchange.respond(status, fields, body); };
  }
  std::string ask(std::string_view accepted = "gzip") {
    return server.ask(client, http::get("/", "Accept-Encoding: " + std::string(accepted) + "\r\n"));
  }
};

std::string head_of(const std::string& answer) { return answer.substr(0, answer.find("\r\n\r\n") + 2); }
std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

TEST_F(GzipTest, ChangesAWholeAnswerInItsPlace) {
  use({.minimum_size = 4, .level = 6});
  answer(200, {{"x-first", "1"}, {"content-length", "4"}, {"vary", "A"}, {"Vary", "B"}}, "aaaa");
  const std::string heard = ask();
  const std::string body = compress("aaaa", 6, GzipOptions::Format::kZlib);
  EXPECT_EQ(head_of(heard), "HTTP/1.1 200 OK\r\nx-first: 1\r\ncontent-length: " + std::to_string(body.size()) +
                                "\r\nvary: A, B, Accept-Encoding\r\ncontent-encoding: gzip\r\n");
  EXPECT_EQ(body_of(heard), body);
  EXPECT_EQ(decompressed(body), "aaaa");
}

TEST_F(GzipTest, ALengthThatNobodyGaveComesFirst) {
  use({.minimum_size = 1});
  server.handler.answer = [](Exchange& exchange) { exchange.respond(200, "text/plain", std::string(3000, 'x')); };
  const std::string heard = ask();
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 200 OK\r\ncontent-length: 3")) << heard;
  EXPECT_EQ(decompressed(body_of(heard)), std::string(3000, 'x'));
}

TEST_F(GzipTest, LeavesAloneWhatIsNotForIt) {
  use({.minimum_size = 4,
       .excluded_types = {"image/png", "audio/*", "application/grpc"},
       .excluded_prefixes = {"T/E"}});
  const auto touched = [&](int status, std::vector<http::Header> fields, std::string body = "abcdef") {
    answer(status, std::move(fields), std::move(body));
    return ask().find("vary: Accept-Encoding") != std::string::npos;
  };
  EXPECT_TRUE(touched(200, {}));
  EXPECT_TRUE(touched(500, {{"content-type", "application/grpcx"}}));
  EXPECT_FALSE(touched(200, {}, "abc"));
  EXPECT_FALSE(touched(206, {}));
  EXPECT_FALSE(touched(204, {}));
  EXPECT_FALSE(touched(304, {}));
  EXPECT_FALSE(touched(200, {{"Content-Encoding", "br"}}));
  EXPECT_FALSE(touched(200, {{"content-type", " IMAGE/png ;x"}}));
  EXPECT_FALSE(touched(200, {{"content-type", "Audio/any"}}));
  EXPECT_FALSE(touched(200, {{"content-type", "application/grpc+proto"}}));
  EXPECT_FALSE(touched(200, {{"content-type", "T/Event"}}));
  EXPECT_TRUE(touched(200, {{"content-type", "t/event"}}));
}

TEST_F(GzipTest, ReadsAcceptEncodingAsStarlette) {
  use({.minimum_size = 1});
  answer(200, {}, "abc");
  for (const char* accepted : {"gzip", "x-gzip", "gzip;q=0", "br, gzip"}) {
    EXPECT_NE(ask(accepted).find("content-encoding: gzip"), std::string::npos) << accepted;
  }
  for (const char* accepted : {"GZIP", "br", ""}) {
    EXPECT_EQ(ask(accepted), "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nvary: Accept-Encoding\r\n\r\nabc") << accepted;
  }
}

TEST_F(GzipTest, OlderReleasesVaryOnlyBehindWhatTheyCompress) {
  use({.minimum_size = 1, .format = GzipOptions::Format::kFile, .varies_without = false, .excludes_partial = false});
  answer(206, {{"content-length", "3"}}, "abc");
  EXPECT_EQ(ask("br"), "HTTP/1.1 206 Partial Content\r\ncontent-length: 3\r\n\r\nabc");
  const std::string heard = ask();
  const std::string body = body_of(heard);
  EXPECT_EQ(head_of(heard), "HTTP/1.1 206 Partial Content\r\ncontent-length: " + std::to_string(body.size()) +
                                "\r\ncontent-encoding: gzip\r\nvary: Accept-Encoding\r\n");
  EXPECT_EQ(decompressed(body), "abc");
  EXPECT_EQ(body.substr(0, 4), std::string("\x1f\x8b\x08\0", 4));
  EXPECT_NE(body.substr(4, 4), std::string(4, '\0')) << "the time";
  EXPECT_EQ(body.substr(8, 2), "\x02\xff");
}

TEST_F(GzipTest, PiecesCanBeReadAsTheyCome) {
  use({});
  http::ExchangeRef streaming;
  server.handler.answer = [&](Exchange& exchange) {
    streaming = exchange.ref();
    exchange.start(200, std::array<http::Header, 1>{{{"content-length", "6"}}});
    exchange.write("one");
    exchange.flush();
  };
  std::string heard = ask();
  EXPECT_EQ(head_of(heard),
            "HTTP/1.1 200 OK\r\nvary: Accept-Encoding\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n");
  const auto dechunked = [](std::string chunks) {
    std::string bytes;
    while (!chunks.empty()) {
      const std::size_t size = std::stoul(chunks, nullptr, 16);
      const std::size_t begin = chunks.find("\r\n") + 2;
      bytes += chunks.substr(begin, size);
      chunks.erase(0, begin + size + 2);
    }
    return bytes;
  };
  std::string bytes = dechunked(body_of(heard));
  EXPECT_EQ(decompressed(bytes), "one");
  streaming.find()->write("two");
  streaming.find()->finish();
  server.settle();
  bytes += dechunked(client.read());
  EXPECT_EQ(decompressed(bytes), "onetwo");
  const std::string size("\x06\0\0\0", 4);
  EXPECT_TRUE(bytes.ends_with(size)) << "the member is complete";
}

TEST_F(GzipTest, ASpareStreamRemembersNothing) {
  const std::string first = compress(std::string(1000, 'a') + "b", 9, GzipOptions::Format::kZlib);
  EXPECT_NE(compress("a", 9, GzipOptions::Format::kFile), compress("a", 9, GzipOptions::Format::kZlib));
  EXPECT_EQ(compress(std::string(1000, 'a') + "b", 9, GzipOptions::Format::kZlib), first);
  EXPECT_EQ(decompressed(compress("", 1, GzipOptions::Format::kZlib)), "");
}

}  // namespace
}  // namespace data_bridge::middleware
