// The byte buffer against a std::string that does the same.
#include "runtime/buffer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace data_bridge::runtime {
namespace {

TEST(Buffer, BehavesLikeAQueueOfBytes) {
  Buffer buffer;
  std::string model;
  std::uint32_t random = 7;
  const auto next = [&random] { return random = random * 1664525U + 1013904223U, random >> 8; };
  for (int i = 0; i < 20'000; ++i) {
    if (next() % 2 == 0) {
      const std::string piece(next() % 700, static_cast<char>('a' + i % 26));
      buffer.append(piece);
      model += piece;
    } else {
      const std::size_t size = std::min<std::size_t>(next() % 900, model.size());
      buffer.consume(size);
      model.erase(0, size);
    }
    ASSERT_EQ(buffer.view(), model);
    ASSERT_EQ(buffer.empty(), model.empty());
  }
  EXPECT_LT(buffer.capacity(), 1U << 20);
}

TEST(Buffer, MovesItsBytes) {
  Buffer one;
  one.append("hello");
  Buffer two(std::move(one));
  EXPECT_EQ(two.view(), "hello");
  Buffer three;
  three = std::move(two);
  EXPECT_EQ(three.view(), "hello");
}

}  // namespace
}  // namespace data_bridge::runtime
