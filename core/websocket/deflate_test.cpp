// Compression both ways: context, bounds, sleep, what zlib calls the end.
#include "websocket/deflate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "websocket/shared_payload.hpp"

namespace data_bridge::websocket {
namespace {

constexpr std::uint64_t kMuch = 1U << 30U;

/// A client's compressor and decompressor are a server's, with the sides changed.
DeflateParameters mirrored(const DeflateParameters& parameters) {
  return {.server_no_context_takeover = parameters.client_no_context_takeover,
          .client_no_context_takeover = parameters.server_no_context_takeover,
          .server_max_window_bits = parameters.client_max_window_bits,
          .client_max_window_bits = parameters.server_max_window_bits};
}

std::string compressed(Deflater& deflater, std::string_view message) {
  std::string out;
  deflater.compress(message, out);
  return out;
}

std::string inflated(Inflater& inflater, std::string_view payload, std::size_t stride = SIZE_MAX) {
  std::string out;
  for (std::size_t i = 0; i < payload.size(); i += std::min(stride, payload.size())) {
    EXPECT_EQ(inflater.inflate(payload.substr(i, stride), kMuch, out), Inflater::Outcome::kGood);
  }
  EXPECT_EQ(inflater.finish(kMuch, out), Inflater::Outcome::kGood);
  return out;
}

std::string text(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string out;
  while (out.size() < size) out += std::to_string(random() % 300) + " ";
  out.resize(size);
  return out;
}

TEST(DeflateTest, MessagesOfAllSizesComeBack) {
  for (const bool takeover : {true, false}) {
    const DeflateParameters parameters{.server_no_context_takeover = !takeover};
    Deflater deflater(parameters);
    Inflater inflater(mirrored(parameters));
    for (const std::size_t size : {0UL, 1UL, 2UL, 100UL, 4096UL, 70'000UL, 1'000'000UL, 0UL, 0UL, 5UL}) {
      const std::string message = text(size, 3);
      EXPECT_EQ(inflated(inflater, compressed(deflater, message)), message) << size;
    }
  }
}

// RFC 7692, 7.2.3.1 and 7.2.3.2.
TEST(DeflateTest, TheExamplesOfTheRfc) {
  Inflater inflater({});
  EXPECT_EQ(inflated(inflater, "\xf2\x48\xcd\xc9\xc9\x07" + std::string(1, '\0')), "Hello");
  EXPECT_EQ(inflated(inflater, std::string("\xf2\x00\x11\x00\x00", 5)), "Hello") << "with the first in the window";
  Inflater other({});
  EXPECT_EQ(inflated(other, std::string("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11)), "Hello");
}

// RFC 7692, 7.2.3.4: a block with BFINAL; and one of several blocks, 7.2.3.5.
TEST(DeflateTest, AFinalBlockEndsNothing) {
  Inflater inflater({});
  EXPECT_EQ(inflated(inflater, std::string("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8)), "Hello");
  EXPECT_EQ(inflated(inflater, std::string("\xf2\x00\x11\x00\x00", 5)), "Hello") << "the window stays";
  EXPECT_EQ(inflated(inflater, std::string("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13)), "Hello");
}

TEST(DeflateTest, PiecesDoNotMatter) {
  for (std::size_t stride = 1; stride < 40; ++stride) {
    Deflater deflater({});
    Inflater inflater(mirrored({}));
    for (unsigned i = 0; i < 3; ++i) {
      const std::string message = text(5000, i);
      EXPECT_EQ(inflated(inflater, compressed(deflater, message), stride), message);
    }
  }
}

TEST(DeflateTest, ContextIsTakenOver) {
  Deflater deflater({});
  Deflater forgetful({.server_no_context_takeover = true});
  const std::string message = text(300, 1);
  const std::size_t first = compressed(deflater, message).size();
  EXPECT_LT(compressed(deflater, message).size(), first / 4);
  EXPECT_EQ(compressed(forgetful, message), compressed(forgetful, message));
}

TEST(DeflateTest, SleepIsNotNoticedByTheOtherSide) {
  for (const std::uint8_t bits : {std::uint8_t{9}, std::uint8_t{12}, std::uint8_t{15}}) {
    const DeflateParameters parameters{.server_max_window_bits = bits, .client_max_window_bits = bits};
    Deflater client(mirrored(parameters));
    Inflater server_in(parameters);
    Deflater server_out(parameters);
    Inflater client_in(mirrored(parameters));
    for (unsigned i = 0; i < 20; ++i) {
      const std::string message = text(200 + 3000 * i, i % 3);
      EXPECT_EQ(inflated(server_in, compressed(client, message)), message);
      EXPECT_EQ(inflated(client_in, compressed(server_out, message)), message);
      if (i % 2 == 0) {
        server_in.sleep();
        server_out.sleep();
      }
      if (i % 4 == 0) server_in.sleep();  // twice
    }
  }
}

// Of one thread that has as many awake as there may be.
struct Crowd {
  explicit Crowd(std::size_t sleeping, std::uint8_t bits = 12) {
    const DeflateParameters parameters{.server_max_window_bits = bits};
    for (std::size_t i = 0; i < Awake<Deflater>::kMost + sleeping; ++i) {
      servers.push_back(std::make_unique<Deflater>(parameters));
      clients.push_back(std::make_unique<Inflater>(mirrored(parameters)));
      if (i < Awake<Deflater>::kMost) send(i, text(300, static_cast<unsigned>(i)));
    }
  }
  std::string send(std::size_t to, std::string_view message) {
    std::string payload = compressed(*servers[to], message);
    EXPECT_EQ(inflated(*clients[to], payload), message);
    return payload;
  }

  std::vector<std::unique_ptr<Deflater>> servers;
  std::vector<std::unique_ptr<Inflater>> clients;
};

TEST(DeflateTest, AMessageToManyWakesOneOfThem) {
  constexpr std::size_t kAwake = Awake<Deflater>::kMost;
  Crowd crowd(500);
  ASSERT_TRUE(Awake<Deflater>::of_this_thread()->full());
  const std::string to_all = text(300, 7777);
  const std::string first = crowd.send(kAwake, to_all);
  for (std::size_t i = kAwake + 1; i < crowd.servers.size(); ++i) ASSERT_EQ(crowd.send(i, to_all), first);
  // All but the one that has made way still know what they have sent.
  for (std::size_t i = 1; i < kAwake; ++i) {
    ASSERT_LT(crowd.send(i, text(300, static_cast<unsigned>(i))).size(), first.size() / 4) << i;
  }
  // And everybody's stream goes on, be it with the same message or another.
  for (std::size_t i = 0; i < crowd.servers.size(); ++i) {
    crowd.send(i, i % 3 == 0 ? to_all : text(200 + i, 1));
    crowd.send(i, to_all);
  }
}

TEST(DeflateTest, AMessageToFewHasTheirContext) {
  Deflater one({});
  Deflater other({});
  const std::string message = text(300, 1);
  const std::string first = compressed(one, message);
  EXPECT_EQ(compressed(other, message), first);
  EXPECT_LT(compressed(other, message).size(), first.size() / 4) << "it was not left asleep";
}

TEST(DeflateTest, AMessageIsNotSharedWithSmallerWindows) {
  Crowd crowd(1);
  const DeflateParameters small{.server_max_window_bits = 9};
  const std::string message = text(3000, 1) + text(3000, 1);
  crowd.send(Awake<Deflater>::kMost, message);
  Deflater deflater(small);
  Inflater client(mirrored(small));
  EXPECT_EQ(inflated(client, compressed(deflater, message)), message);
}

TEST(DeflateTest, WhatIsLargeIsNotKept) {
  Crowd crowd(3);
  const std::string large = text(SharedPayload::kMost + 1, 1);
  const std::string payload = crowd.send(Awake<Deflater>::kMost, large);
  EXPECT_FALSE(SharedPayload::of_this_thread().is_of(large, 12));
  EXPECT_EQ(crowd.send(Awake<Deflater>::kMost + 1, large), payload);
}

TEST(DeflateTest, MemoryIsThatOfTheLastUsed) {
  constexpr std::size_t kMany = 3 * Awake<Deflater>::kMost;
  std::vector<std::unique_ptr<Deflater>> out;
  std::vector<std::unique_ptr<Inflater>> in;
  std::vector<std::unique_ptr<Deflater>> clients_out;
  std::vector<std::unique_ptr<Inflater>> clients_in;
  for (std::size_t i = 0; i < kMany; ++i) {
    out.push_back(std::make_unique<Deflater>(DeflateParameters{}));
    in.push_back(std::make_unique<Inflater>(DeflateParameters{}));
    clients_out.push_back(std::make_unique<Deflater>(mirrored({})));
    clients_in.push_back(std::make_unique<Inflater>(mirrored({})));
  }
  for (unsigned round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < kMany; ++i) {
      const std::string message = text(300, round + static_cast<unsigned>(i) % 2);
      ASSERT_EQ(inflated(*in[i], compressed(*clients_out[i], message)), message);
      ASSERT_EQ(inflated(*clients_in[i], compressed(*out[i], message)), message);
      ASSERT_LE(Awake<Deflater>::of_this_thread()->size(), Awake<Deflater>::kMost);
      ASSERT_LE(Awake<Inflater>::of_this_thread()->size(), Awake<Inflater>::kMost);
    }
  }
  out.clear();
  in.clear();
  clients_out.clear();
  clients_in.clear();
  EXPECT_EQ(Awake<Deflater>::of_this_thread()->size() + Awake<Inflater>::of_this_thread()->size(), 0U);
}

TEST(DeflateTest, WhoCannotSleepIsLeftAwake) {
  constexpr std::size_t kMany = Awake<Inflater>::kMost + 20;
  const std::string payload = [] {
    Deflater deflater({});
    return compressed(deflater, text(300, 1));
  }();
  std::vector<std::unique_ptr<Inflater>> in;
  std::vector<std::string> found(kMany);
  for (std::size_t i = 0; i < kMany; ++i) {
    in.push_back(std::make_unique<Inflater>(DeflateParameters{}));
    ASSERT_EQ(in[i]->inflate(payload.substr(0, 50), kMuch, found[i]), Inflater::Outcome::kGood);
  }
  for (std::size_t i = 0; i < kMany; ++i) {
    ASSERT_EQ(in[i]->inflate(payload.substr(50), kMuch, found[i]), Inflater::Outcome::kGood);
    ASSERT_EQ(in[i]->finish(kMuch, found[i]), Inflater::Outcome::kGood);
    ASSERT_EQ(found[i], text(300, 1));
  }
}

TEST(DeflateTest, BoundIsKeptExactly) {
  Deflater deflater({});
  const std::string bomb = compressed(deflater, std::string(1'000'000, 'x'));
  EXPECT_LT(bomb.size(), 4000U);
  for (const std::uint64_t most : {999'999UL, 1'000UL, 1UL, 0UL}) {
    Inflater inflater({});
    std::string out;
    auto outcome = inflater.inflate(bomb, most, out);
    if (outcome == Inflater::Outcome::kGood) outcome = inflater.finish(most, out);
    EXPECT_EQ(outcome, Inflater::Outcome::kTooBig) << most;
    EXPECT_LE(out.size(), most + 1);
  }
  Inflater inflater({});
  std::string out;
  EXPECT_EQ(inflater.inflate(bomb, 1'000'000, out), Inflater::Outcome::kGood);
  EXPECT_EQ(inflater.finish(1'000'000, out), Inflater::Outcome::kGood);
  EXPECT_EQ(out.size(), 1'000'000U);
}

TEST(DeflateTest, MayEndAfterItsThread) {
  std::unique_ptr<Deflater> deflater;
  std::unique_ptr<Inflater> inflater;
  std::thread([&] {
    deflater = std::make_unique<Deflater>(DeflateParameters{});
    inflater = std::make_unique<Inflater>(mirrored({}));
    EXPECT_EQ(inflated(*inflater, compressed(*deflater, "message")), "message");
  }).join();
  deflater.reset();
  inflater.reset();
}

TEST(DeflateTest, WhatIsNotDeflated) {
  for (const std::string_view payload : {"\xff\xff\xff\xff", "\x07", "\x06\x00\x00"}) {
    Inflater inflater({});
    std::string out;
    auto outcome = inflater.inflate(payload, kMuch, out);
    if (outcome == Inflater::Outcome::kGood) outcome = inflater.finish(kMuch, out);
    EXPECT_EQ(outcome, Inflater::Outcome::kInvalid);
  }
}

}  // namespace
}  // namespace data_bridge::websocket
