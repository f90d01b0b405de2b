// Queries that take too long: ended where they are in the way, and where they may wait by their limit.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "storage/sqlite/test_support.hpp"

namespace data_bridge::storage::sqlite {
namespace {

using namespace std::chrono_literals;

class TimeLimitTest : public testing::Test {
 protected:
  void open(std::chrono::milliseconds timeout) {
    Table table = products();
    table.query_timeout = timeout;
    items_ = open_table(*store_, table);
    if (items_->count({}, nullptr).value_or(0) == 0) {
      const auto filled = store_->on_writer([](SqlConnection& connection) {
        return connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
            "INSERT INTO products (name, price) SELECT hex(randomblob(500)), i FROM n");
      });
      ASSERT_TRUE(filled.has_value()) << (filled ? "" : filled.error().detail);
    }
  }

  // Looks at a name of 1,000 letters in every row, `times` times.
  static Condition expensive(int times) {
    Condition any{.type = Condition::Type::kAny, .parts = {}};
    for (int part = 0; part < times; ++part) {
      any.parts.push_back({.type = Condition::Type::kTest,
                           .field = {.column = 1},
                           .op = Operator::kContainsAnyCase,
                           .values = {Cell("no such letters " + std::to_string(part))}});
    }
    return any;
  }

  TemporaryDirectory directory_;
  std::shared_ptr<SqliteStore> store_ = open_store(directory_.file("test.db"));
  std::shared_ptr<Collection> items_;
};

TEST_F(TimeLimitTest, WhoMayWaitWaitsUntilTheLimit) {
  open(100ms);
  const auto begun = std::chrono::steady_clock::now();
  const auto counted = items_->count(expensive(20), nullptr);
  ASSERT_FALSE(counted.has_value());
  EXPECT_EQ(counted.error().code, Errc::kTimeout);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 100ms);
  // The connection is as good as before.
  EXPECT_EQ(items_->count({}, nullptr).value_or(0), 20000U);
}

TEST_F(TimeLimitTest, WithoutALimitItTakesItsTime) {
  open(0ms);
  EXPECT_EQ(items_->count(expensive(1), nullptr).value_or(999), 0U);
}

TEST_F(TimeLimitTest, AThreadThatOthersWaitForIsNotHeldUp) {
  for (const auto timeout : {0ms, 60000ms}) {
    open(timeout);
    const auto counted = items_->count(expensive(20), Reading::at_once());
    ASSERT_FALSE(counted.has_value());
    EXPECT_EQ(counted.error().code, Errc::kSlow);
  }
  open(1ms);  // shorter than what anybody may take
  EXPECT_EQ(items_->count(expensive(20), Reading::at_once()).error().code, Errc::kTimeout);
  CopyRows rows(items_->table());
  EXPECT_TRUE(items_->list({.limit = 20}, rows, Reading::at_once()).has_value());
}

TEST_F(TimeLimitTest, AStoreThatClosesWaitsForNoQuery) {
  open(0ms);
  std::thread closer([this] {
    std::this_thread::sleep_for(50ms);
    store_->close();
  });
  const auto counted = items_->count(expensive(100), nullptr);
  closer.join();
  ASSERT_FALSE(counted.has_value());
  EXPECT_EQ(counted.error().code, Errc::kClosed);
}

}  // namespace
}  // namespace data_bridge::storage::sqlite
