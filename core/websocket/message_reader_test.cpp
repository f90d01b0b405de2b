// Reading frames: every cut of every message gives the same, and each rule has the message that breaks it.
#include "websocket/message_reader.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "websocket/reading_testing.hpp"

namespace data_bridge::websocket {
namespace {

std::string control(Opcode opcode, std::string_view payload, bool fin = true) {
  return frame({.opcode = opcode, .payload = payload, .fin = fin});
}
std::string close_frame(std::uint16_t code, std::string_view reason = "") {
  return control(Opcode::kClose, close_payload(code, reason));
}
std::string compressed_frame(std::string_view payload, bool fin = true) {
  return frame({.payload = payload, .fin = fin, .reserved = 4});
}

std::string deflated(std::string_view message) {
  Deflater deflater({});
  std::string out;
  deflater.compress(message, out);
  return out;
}

/// What is read, the same for every cut.
std::string reading(const ReaderOptions& options, std::string_view bytes) {
  const std::string whole = read_all(options, bytes, SIZE_MAX);
  for (std::size_t stride = 1; stride < std::min<std::size_t>(bytes.size(), 64); ++stride) {
    EXPECT_EQ(read_all(options, bytes, stride), whole) << "by " << stride;
  }
  for (std::size_t cut = 1; cut < std::min<std::size_t>(bytes.size(), 600); ++cut) {
    MessageReader reader(options);
    std::string first(bytes.substr(0, cut));
    std::string second(bytes.substr(cut));
    std::string found;
    for (std::string* part : {&first, &second}) {
      std::span<char> rest(*part);
      for (auto event = reader.next(rest); event != MessageReader::Event::kNone; event = reader.next(rest)) {
        if (event == MessageReader::Event::kMessage) found += reader.payload();
        if (event == MessageReader::Event::kFailed) found += reader.failure().reason;
        if (event == MessageReader::Event::kFailed || event == MessageReader::Event::kClose) return whole;
      }
    }
  }
  return whole;
}

std::string reading(std::string_view bytes) { return reading(ReaderOptions{}, bytes); }

TEST(MessageReaderTest, Messages) {
  EXPECT_EQ(reading(text_frame("hello")), "text hello\n");
  EXPECT_EQ(reading(frame({.opcode = Opcode::kBinary, .payload = "\xff\xfe"})), "bytes \xff\xfe\n");
  EXPECT_EQ(reading(text_frame("")), "text \n");
  EXPECT_EQ(reading(text_frame("a") + text_frame("b") + text_frame("")), "text a\ntext b\ntext \n");
  for (const std::size_t size : {125UL, 126UL, 127UL, 65'535UL, 65'536UL, 300'000UL}) {
    const std::string payload(size, 'x');
    EXPECT_EQ(reading(text_frame(payload)), "text " + payload + "\n") << size;
  }
}

TEST(MessageReaderTest, Fragments) {
  EXPECT_EQ(reading(text_frame("a", false) + more_frame("b", false) + more_frame("c")), "text abc\n");
  EXPECT_EQ(reading(text_frame("", false) + more_frame("", false) + more_frame("")), "text \n");
  EXPECT_EQ(reading(text_frame("\xe2\x82", false) + more_frame("\xac")), "text \xe2\x82\xac\n");
  EXPECT_EQ(reading(text_frame("a", false) + more_frame("b") + text_frame("c")), "text ab\ntext c\n");
  EXPECT_EQ(
      reading(text_frame("a", false) + control(Opcode::kPing, "p") + control(Opcode::kPong, "q") + more_frame("b")),
      "ping p\npong q\ntext ab\n");
  EXPECT_EQ(reading(text_frame("a", false) + close_frame(1000, "r")), "close 1000 r\n");
}

TEST(MessageReaderTest, ControlFrames) {
  EXPECT_EQ(reading(control(Opcode::kPing, "")), "ping \n");
  const std::string longest(125, 'p');
  EXPECT_EQ(reading(control(Opcode::kPing, longest)), "ping " + longest + "\n");
  EXPECT_EQ(reading(close_frame(1001, "why")), "close 1001 why\n");
  EXPECT_EQ(reading(control(Opcode::kClose, "")), "close 1005 \n");
  EXPECT_EQ(reading(close_frame(1000) + text_frame("late")), "close 1000 \n");
}

TEST(MessageReaderTest, WhatIsAgainstTheRules) {
  const std::string kLong(126, 'x');
  const std::vector<std::pair<std::string, std::string>> cases{
      {frame({.payload = "x", .reserved = 1}), "1002 reserved bits must be 0"},
      {frame({.payload = "x", .reserved = 2}), "1002 reserved bits must be 0"},
      {frame({.payload = "x", .reserved = 4}), "1002 reserved bits must be 0"},
      {frame({.opcode = Opcode::kPing, .payload = "x", .reserved = 4}), "1002 reserved bits must be 0"},
      {frame({.payload = "x", .masked = false}), "1002 incorrect masking"},
      {frame({.opcode = Opcode::kClose, .payload = "", .masked = false}), "1002 incorrect masking"},
      {control(Opcode::kPing, kLong), "1002 control frame too long"},
      {control(Opcode::kClose, kLong), "1002 control frame too long"},
      {control(Opcode::kPong, "", false), "1002 fragmented control frame"},
      {control(Opcode::kClose, "", false), "1002 fragmented control frame"},
      {more_frame("x"), "1002 unexpected continuation frame"},
      {more_frame("x", false), "1002 unexpected continuation frame"},
      {text_frame("a", false) + text_frame("b"), "1002 expected a continuation frame"},
      {text_frame("a", false) + frame({.opcode = Opcode::kBinary, .payload = "b", .fin = false}),
       "1002 expected a continuation frame"},
      {frame({.payload = "x", .length_bytes = 2}), "1002 invalid length"},
      {frame({.payload = "x", .length_bytes = 8}), "1002 invalid length"},
      {frame({.payload = kLong, .length_bytes = 8}), "1002 invalid length"},
      {frame({.payload = "x", .length_bytes = 8, .length = std::uint64_t{1} << 63U}), "1002 invalid length"},
      {control(Opcode::kClose, "\x03"), "1002 close frame too short"},
      {close_frame(1005), "1002 invalid status code"},
      {close_frame(1000, "\xff"), "1007 invalid start byte at position 0"},
      {text_frame("a\xff"), "1007 "},
      {text_frame("\xe2\x82"), "1007 "},
      {text_frame("\xed\xa0\x80"), "1007 "},
      {text_frame("\xe2", false) + more_frame("\x28"), "1007 "},
      {text_frame("\xe2", false) + more_frame(""), "1007 "},
  };
  for (const auto& [bytes, expected] : cases) EXPECT_EQ(reading(bytes), "failed " + expected + "\n");
  for (unsigned opcode = 0; opcode < 16; ++opcode) {
    if (is_known(static_cast<std::uint8_t>(opcode))) continue;
    EXPECT_EQ(reading(frame({.opcode = static_cast<Opcode>(opcode), .payload = "x"})), "failed 1002 invalid opcode\n");
  }
}

TEST(MessageReaderTest, WhatWasGoodBeforeIsRead) {
  EXPECT_EQ(reading(text_frame("a") + control(Opcode::kPing, "p") + more_frame("x")),
            "text a\nping p\nfailed 1002 unexpected continuation frame\n");
}

TEST(MessageReaderTest, IsSaidAsEarlyAsItIsCertain) {
  const auto failed_within = [](std::string bytes, std::size_t size, const ReaderOptions& options) {
    bytes.resize(size);
    return read_all(options, bytes, SIZE_MAX).starts_with("failed");
  };
  EXPECT_TRUE(failed_within(frame({.opcode = static_cast<Opcode>(3), .payload = "x"}), 2, {}));
  EXPECT_TRUE(failed_within(frame({.payload = "x", .masked = false}), 2, {}));
  const std::string big = frame({.payload = "", .length = 1001});
  EXPECT_FALSE(failed_within(big, 3, {.max_size = 1000}));
  EXPECT_TRUE(failed_within(big, big.size(), {.max_size = 1000}));
  EXPECT_TRUE(failed_within(frame({.payload = "a\xff...", .length = 500}), 10, {})) << "bad text, long before its end";
}

TEST(MessageReaderTest, SizeIsBounded) {
  const ReaderOptions small{.max_size = 10};
  EXPECT_EQ(reading(small, text_frame("0123456789")), "text 0123456789\n");
  EXPECT_EQ(reading(small, text_frame("01234567890")), "failed 1009 frame with 11 bytes exceeds limit of 10 bytes\n");
  EXPECT_EQ(reading(small, text_frame("012345", false) + more_frame("6789")), "text 0123456789\n");
  EXPECT_EQ(reading(small, text_frame("012345", false) + more_frame("67890")),
            "failed 1009 frame with 5 bytes after reading 6 bytes exceeds limit of 10 bytes\n");
  EXPECT_EQ(reading(small, text_frame("", false) + more_frame("01234567890")),
            "failed 1009 frame with 11 bytes after reading 0 bytes exceeds limit of 10 bytes\n");
  EXPECT_EQ(reading(small, text_frame("0123456789", false) + control(Opcode::kPing, "0123456789a") + more_frame("")),
            "ping 0123456789a\ntext 0123456789\n");
  EXPECT_EQ(reading(small, text_frame("0123456789") + text_frame("0123456789")), "text 0123456789\ntext 0123456789\n");
  EXPECT_EQ(reading(frame({.payload = "", .length = std::uint64_t{1} << 62U})),
            "failed 1009 frame with 4611686018427387904 bytes exceeds limit of 16777216 bytes\n");
}

TEST(MessageReaderTest, CompressedMessages) {
  const ReaderOptions options{.max_size = 1000, .deflate = DeflateParameters{}};
  const std::string hello = deflated("hello hello");
  EXPECT_EQ(reading(options, compressed_frame(hello)), "text hello hello\n");
  EXPECT_EQ(reading(options, text_frame("plain")), "text plain\n");
  EXPECT_EQ(reading(options, compressed_frame(std::string(1, '\0'))), "text \n");
  EXPECT_EQ(reading(options, compressed_frame("")), "text \n");
  for (std::size_t cut = 0; cut <= hello.size(); ++cut) {
    EXPECT_EQ(reading(options, compressed_frame(hello.substr(0, cut), false) + control(Opcode::kPing, "p") +
                                   more_frame(hello.substr(cut))),
              "ping p\ntext hello hello\n");
  }
  const std::vector<std::pair<std::string, std::string>> cases{
      {compressed_frame("\xff\xff\xff"), "1002 decompression failed"},
      {compressed_frame(hello.substr(0, 3), false) +
           frame({.opcode = Opcode::kContinuation, .payload = hello.substr(3), .reserved = 4}),
       "1002 RSV1 bit set in continuation frame"},
      {text_frame("a", false) + frame({.opcode = Opcode::kContinuation, .payload = "b", .reserved = 4}),
       "1002 reserved bits must be 0"},
      {frame({.payload = hello, .reserved = 6}), "1002 reserved bits must be 0"},
      {frame({.opcode = Opcode::kPing, .payload = "", .reserved = 4}), "1002 reserved bits must be 0"},
      {compressed_frame(deflated("a\xff")), "1007 "},
      {compressed_frame(deflated("\xe2\x82")), "1007 "},
      {compressed_frame(deflated(std::string(1001, 'x'))), "1009 frame exceeds limit of 1000 bytes"},
      {compressed_frame(deflated(std::string(900, 'x')) + std::string("\0\0\xff\xff", 4), false) +
           more_frame(deflated(std::string(900, 'x'))),
       "1009 frame after reading 900 bytes exceeds limit of 1000 bytes"},
      {compressed_frame(deflated(std::string(100'000, 'x'))), "1009 frame exceeds limit of 1000 bytes"},
  };
  for (const auto& [bytes, expected] : cases) EXPECT_EQ(reading(options, bytes), "failed " + expected + "\n");
}

TEST(MessageReaderTest, SleepBetweenMessagesChangesNothing) {
  const ReaderOptions options{.deflate = DeflateParameters{}};
  Deflater deflater({});
  std::string bytes;
  for (int i = 0; i < 20; ++i) {
    std::string payload;
    deflater.compress("the same words again and again " + std::to_string(i % 3), payload);
    bytes += compressed_frame(payload.substr(0, 4), false) + more_frame(payload.substr(4));
  }
  EXPECT_EQ(read_all(options, bytes, 7, true), read_all(options, bytes, SIZE_MAX, false));
}

// Each byte of a good conversation changed in turn: no crash, no over-read, and cuts still do not matter.
TEST(MessageReaderTest, ChangedBytes) {
  const ReaderOptions options{.max_size = 300, .deflate = DeflateParameters{}};
  const std::string good = text_frame("a", false) + more_frame("b\xe2\x82\xac") + control(Opcode::kPing, "p") +
                           compressed_frame(deflated("hello hello hello")) +
                           frame({.opcode = Opcode::kBinary, .payload = std::string(200, 'x')}) +
                           close_frame(1000, "r");
  std::mt19937 random(1);
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int round = 0; round < 12; ++round) {
      std::string bad = good;
      bad[i] = static_cast<char>(round < 8 ? bad[i] ^ (1 << round) : static_cast<int>(random()));
      const std::string whole = read_all(options, bad, SIZE_MAX);
      ASSERT_EQ(read_all(options, bad, 1), whole) << i;
      ASSERT_EQ(read_all(options, bad, 3), whole) << i;
    }
  }
}

TEST(MessageReaderTest, FrameHeads) {
  EXPECT_EQ(FrameHead(Opcode::kText, 5).view(), std::string_view("\x81\x05", 2));
  EXPECT_EQ(FrameHead(Opcode::kBinary, 125, true).view(), std::string_view("\xc2\x7d", 2));
  EXPECT_EQ(FrameHead(Opcode::kText, 126).view(), std::string_view("\x81\x7e\x00\x7e", 4));
  EXPECT_EQ(FrameHead(Opcode::kText, 65'535).view(), std::string_view("\x81\x7e\xff\xff", 4));
  EXPECT_EQ(FrameHead(Opcode::kText, 65'536).view(), std::string_view("\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10));
  EXPECT_EQ(FrameHead(Opcode::kPong, 0).view(), std::string_view("\x8a\x00", 2));
}

}  // namespace
}  // namespace data_bridge::websocket
