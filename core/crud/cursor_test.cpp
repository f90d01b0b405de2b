// A cursor is accepted only as it was made, by the query that made it.
#include "crud/cursor.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace data_bridge::crud {
namespace {

using storage::Cell;
using Cells = std::vector<Cell>;

TEST(CursorCodec, GivesBackEveryCell) {
  const CursorCodec one("products by id", 1);
  std::vector<Cell> cells{Cell(), Cell(-0.0), Cell(std::numeric_limits<double>::infinity()), Cell(1.1)};
  for (const std::int64_t number :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{1} << 40,
        std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    cells.emplace_back(number);
  }
  for (const std::string& text : {std::string(), std::string("a"), std::string("ab"), std::string("abc"),
                                  std::string("\0\xF0\x9F\x8C\x8D", 5), std::string(3000, 'x')}) {
    cells.emplace_back(text);
  }
  for (const Cell& cell : cells) EXPECT_EQ(one.decode(one.encode({cell})), Cells{cell});
  const CursorCodec all("products by everything", cells.size());
  EXPECT_EQ(all.decode(all.encode(cells)), cells);
}

TEST(CursorCodec, NeedsNoEscapingInAUrl) {
  const CursorCodec codec("q", 1);
  for (int byte = 0; byte < 256; ++byte) {
    const std::string cursor = codec.encode({std::string(3, static_cast<char>(byte))});
    EXPECT_EQ(cursor.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string::npos);
  }
}

TEST(CursorCodec, RefusesWhatWasChangedOrCut) {
  const CursorCodec codec("products by code", 1);
  const std::string cursor = codec.encode({std::string("NO-03")});
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
  const CursorCodec products("products by id", 1);
  const CursorCodec orders("orders by id", 1);
  EXPECT_FALSE(orders.decode(products.encode({std::int64_t{7}})));
  const CursorCodec two("products by id", 2);
  EXPECT_FALSE(two.decode(products.encode({std::int64_t{7}})));
  EXPECT_FALSE(products.decode(two.encode({std::int64_t{7}, std::int64_t{8}})));
}

TEST(CursorCodec, SurvivesRandomText) {
  const CursorCodec codec("q", 1);
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
