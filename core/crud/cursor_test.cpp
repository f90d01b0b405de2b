// A cursor is accepted only as it was made, by the query that made it.
#include "crud/cursor.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace data_bridge::crud {
namespace {

using storage::Key;
using storage::KeyKind;

TEST(CursorCodec, GivesBackEveryKey) {
  const CursorCodec numbers("products by id", KeyKind::kInt);
  for (const std::int64_t number :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{1} << 40,
        std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    EXPECT_EQ(numbers.decode(numbers.encode(number)), Key(number));
  }
  const CursorCodec texts("products by code", KeyKind::kString);
  for (const std::string& text : {std::string(), std::string("a"), std::string("ab"), std::string("abc"),
                                  std::string("\0\xF0\x9F\x8C\x8D", 5), std::string(3000, 'x')}) {
    EXPECT_EQ(texts.decode(texts.encode(text)), Key(text));
  }
}

TEST(CursorCodec, NeedsNoEscapingInAUrl) {
  const CursorCodec codec("q", KeyKind::kString);
  for (int byte = 0; byte < 256; ++byte) {
    const std::string cursor = codec.encode(std::string(3, static_cast<char>(byte)));
    EXPECT_EQ(cursor.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string::npos);
  }
}

TEST(CursorCodec, RefusesWhatWasChangedOrCut) {
  const CursorCodec codec("products by code", KeyKind::kString);
  const std::string cursor = codec.encode(std::string("NO-03"));
  for (std::size_t at = 0; at < cursor.size(); ++at) {
    for (const char other : {'A', 'Q', 'x', '0', '_', '=', '%', ' '}) {
      std::string changed = cursor;
      changed[at] = other;
      if (changed != cursor) {
        EXPECT_FALSE(codec.decode(changed)) << changed;
      }
    }
    EXPECT_FALSE(codec.decode(cursor.substr(0, at))) << at;
    EXPECT_FALSE(codec.decode(cursor.substr(0, at) + cursor.substr(at + 1))) << at;
  }
  EXPECT_FALSE(codec.decode(cursor + "A"));
}

TEST(CursorCodec, RefusesThoseOfAnotherQuery) {
  const CursorCodec products("products by id", KeyKind::kInt);
  const CursorCodec orders("orders by id", KeyKind::kInt);
  EXPECT_FALSE(orders.decode(products.encode(std::int64_t{7})));
}

TEST(CursorCodec, SurvivesRandomText) {
  const CursorCodec codec("q", KeyKind::kInt);
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 20, ' ');
    for (char& letter : text) {
      letter = static_cast<char>(random());
    }
    EXPECT_FALSE(codec.decode(text));
  }
}

}  // namespace
}  // namespace data_bridge::crud
