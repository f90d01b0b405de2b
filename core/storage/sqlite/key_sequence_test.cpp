// The greatest integers as keys: nobody can use up those that are assigned.
#include "storage/sqlite/key_sequence.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "storage/sqlite/test_support.hpp"

namespace data_bridge::storage::sqlite {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

class KeySequenceTest : public testing::Test {
 protected:
  std::int64_t assigned() { return std::get<std::int64_t>(insert(*store_, *items_, row(Cell())).value()[0]); }
  bool give(std::int64_t key) { return insert(*store_, *items_, row(Cell(key))).has_value(); }
  bool remove(std::int64_t key) {
    bool removed = false;
    return submit(*store_,
                  [&](WriteTransaction& transaction) -> Status {
                    auto done = transaction.remove(*items_, Key(key));
                    removed = done && *done;
                    return done ? Status() : std::unexpected(done.error());
                  })
               .get() &&
           removed;
  }
  static Row row(Cell key) { return {std::move(key), std::string("x"), 1.0}; }
  void restart() {
    store_->close();
    store_ = open_store(directory_.file("test.db"));
    items_ = open_table(*store_, products());
  }

  TemporaryDirectory directory_;
  std::shared_ptr<SqliteStore> store_ = open_store(directory_.file("test.db"));
  std::shared_ptr<Collection> items_ = open_table(*store_, products());
};

TEST_F(KeySequenceTest, TheGreatestKeyLeavesTheOthersToAssign) {
  EXPECT_EQ(assigned(), 1);
  ASSERT_TRUE(give(kMax));
  EXPECT_EQ(assigned(), 2);
  EXPECT_EQ(assigned(), 3);
  EXPECT_TRUE(give(10));
  EXPECT_EQ(assigned(), 11);
}

TEST_F(KeySequenceTest, ItStaysSoWhenTheGreatestIsRemovedAndAfterARestart) {
  ASSERT_TRUE(give(5));
  ASSERT_TRUE(give(kMax));
  ASSERT_TRUE(remove(kMax));
  EXPECT_EQ(assigned(), 6);
  restart();
  EXPECT_EQ(assigned(), 7);
  ASSERT_TRUE(give(kMax));
  restart();
  EXPECT_EQ(assigned(), 8);
  ASSERT_TRUE(remove(8));
  EXPECT_EQ(assigned(), 9);  // never the key of a deleted item
}

TEST_F(KeySequenceTest, ADatabaseThatWasUsedUpIsHealed) {
  ASSERT_TRUE(give(3));
  // As a release before this one left it: the greatest key inserted, and deleted again.
  ASSERT_TRUE(store_->on_writer([](SqlConnection& connection) {
    return connection.execute("UPDATE sqlite_sequence SET seq=9223372036854775807 WHERE name='products'");
  }));
  restart();
  EXPECT_EQ(assigned(), 4);
  EXPECT_EQ(assigned(), 5);
}

TEST_F(KeySequenceTest, KeysNearTheEndAndNegativeOnes) {
  for (const std::int64_t key : {kMax - 1, kMax - 2, std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}}) {
    ASSERT_TRUE(give(key));
  }
  EXPECT_EQ(assigned(), 1);
  ASSERT_TRUE(remove(1));
  EXPECT_EQ(assigned(), 2);
  EXPECT_FALSE(give(2));  // a conflict, as ever
}

}  // namespace
}  // namespace data_bridge::storage::sqlite
