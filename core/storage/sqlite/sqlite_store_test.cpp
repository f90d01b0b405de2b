// Items in and out, keys, conflicts, pages, snapshots, group commit.
#include "storage/sqlite/sqlite_store.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <latch>
#include <limits>
#include <random>
#include <thread>

#include "storage/sqlite/test_support.hpp"

namespace data_bridge::storage::sqlite {
namespace {

class SqliteStoreTest : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  std::shared_ptr<SqliteStore> store_ = open_store(directory_.file("test.db"));
};

TEST_F(SqliteStoreTest, AssignsIncreasingKeysAndNeverOneTwice) {
  auto items = open_table(*store_, products());
  const Row first = *insert(*store_, *items, {Cell(), std::string("a"), 1.0});
  const Row second = *insert(*store_, *items, {Cell(), std::string("b"), 2.0});
  EXPECT_EQ(first[0], Cell(std::int64_t{1}));
  EXPECT_EQ(second[0], Cell(std::int64_t{2}));
  auto removed = submit(*store_, [&](WriteTransaction& transaction) -> Status {
                   EXPECT_EQ(transaction.remove(*items, Key(std::int64_t{2})), true);
                   EXPECT_EQ(transaction.remove(*items, Key(std::int64_t{2})), false);
                   return {};
                 }).get();
  ASSERT_TRUE(removed);
  EXPECT_EQ(insert(*store_, *items, {Cell(), std::string("c"), 3.0}).value()[0], Cell(std::int64_t{3}));
}

TEST_F(SqliteStoreTest, KeepsEveryValueToTheLastBit) {
  Table table = products();
  table.columns.push_back(Column{.name = "count", .kind = ColumnKind::kInteger, .nullable = true, .default_value = {}});
  auto items = open_table(*store_, table);
  std::mt19937_64 random(20240229);
  std::vector<double> doubles{0.0,
                              -0.0,
                              1e16,
                              1e-6,
                              0.1,
                              5e-324,
                              1.7976931348623157e308,
                              9007199254740993.0,
                              -1.0,
                              3.0,
                              std::numeric_limits<double>::infinity(),
                              9.3e18,
                              -9223372036854775808.0};
  while (doubles.size() < 500) {
    const double value = std::bit_cast<double>(random());
    if (!std::isnan(value)) {
      doubles.push_back(value);
    }
  }
  const std::string text("\0 \xF0\x9F\x8C\x8D '\";--", 12);
  for (const double value : doubles) {
    const auto number = static_cast<std::int64_t>(random());
    const auto row = insert(*store_, *items, {Cell(), text, value, number});
    ASSERT_TRUE(row) << row.error().detail;
    const auto stored = get(*items, Key(std::get<std::int64_t>((*row)[0])));
    ASSERT_TRUE(stored);
    EXPECT_EQ(std::get<std::string>((*stored)[1]), text);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(std::get<double>((*stored)[2])), std::bit_cast<std::uint64_t>(value))
        << value;
    EXPECT_EQ(std::get<std::int64_t>((*stored)[3]), number);
  }
}

TEST_F(SqliteStoreTest, NamesTheFieldsOfAConflict) {
  Table table = products();
  table.unique = {{1}, {1, 2}};
  auto items = open_table(*store_, table);
  ASSERT_TRUE(insert(*store_, *items, {Cell(std::int64_t{7}), std::string("a"), 1.0}));
  const auto same_name = insert(*store_, *items, {Cell(), std::string("a"), 2.0});
  ASSERT_FALSE(same_name);
  EXPECT_EQ(same_name.error().code, Errc::kConflict);
  EXPECT_EQ(same_name.error().fields, std::vector<std::string>{"name"});
  const auto same_key = insert(*store_, *items, {Cell(std::int64_t{7}), std::string("b"), 2.0});
  ASSERT_FALSE(same_key);
  EXPECT_EQ(same_key.error().fields, std::vector<std::string>{"id"});
}

TEST_F(SqliteStoreTest, AFailedStatementLeavesTheOthersOfItsBatchAlone) {
  auto items = open_table(*store_, products());
  std::vector<std::future<Status>> outcomes;
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < 100; ++i) {
    rows.push_back({Cell(i % 10 == 9 ? std::int64_t{0} : i), std::string("x"), 1.0});
  }
  for (Row& row : rows) {
    outcomes.push_back(submit(*store_, [&](WriteTransaction& transaction) { return transaction.insert(*items, row); }));
  }
  std::size_t stored = 0;
  for (auto& outcome : outcomes) {
    stored += outcome.get() ? 1 : 0;
  }
  EXPECT_EQ(stored, 90U);
  EXPECT_EQ(list(*items, {.after = {}, .limit = 1000}).size(), 90U);
}

TEST_F(SqliteStoreTest, AJobOfSeveralStepsIsAllOrNothing) {
  auto items = open_table(*store_, products());
  const auto outcome = submit(
                           *store_,
                           [&](WriteTransaction& transaction) -> Status {
                             Row one{Cell(std::int64_t{1}), std::string("x"), 1.0};
                             Row again{Cell(std::int64_t{1}), std::string("y"), 1.0};
                             if (auto done = transaction.insert(*items, one); !done) {
                               return done;
                             }
                             return transaction.insert(*items, again);
                           },
                           true)
                           .get();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Errc::kConflict);
  EXPECT_FALSE(get(*items, Key(std::int64_t{1})));
  EXPECT_TRUE(insert(*store_, *items, {Cell(std::int64_t{1}), std::string("z"), 1.0}));
}

TEST_F(SqliteStoreTest, PagesAreInTheOrderOfTheKey) {
  Table table = products();
  table.name = "words";
  table.columns[0] = Column{.name = "id", .kind = ColumnKind::kText, .nullable = false, .default_value = {}};
  table.key_kind = KeyKind::kString;
  auto items = open_table(*store_, table);
  for (const char* key : {"b", "a", "B", "", "\xC3\xA9", "a b", "aa"}) {
    ASSERT_TRUE(insert(*store_, *items, {std::string(key), std::string("x"), 1.0}));
  }
  std::vector<std::string> seen;
  ListQuery query{.after = {}, .limit = 3};
  for (;;) {
    const auto page = list(*items, query);
    for (const Row& row : page) {
      seen.push_back(std::get<std::string>(row[0]));
    }
    if (page.size() < query.limit) {
      break;
    }
    query.after = {seen.back()};
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"", "B", "a", "a b", "aa", "b", "\xC3\xA9"}));
}

TEST_F(SqliteStoreTest, AssignsUuidsInOrder) {
  Table table = products();
  table.name = "events";
  table.columns[0] = Column{.name = "id", .kind = ColumnKind::kUuid, .nullable = true, .default_value = {}};
  table.key_kind = KeyKind::kUuid;
  auto items = open_table(*store_, table);
  const auto first = std::get<std::string>(insert(*store_, *items, {Cell(), std::string("x"), 1.0}).value()[0]);
  const auto second = std::get<std::string>(insert(*store_, *items, {Cell(), std::string("y"), 1.0}).value()[0]);
  EXPECT_LT(first, second);
  EXPECT_EQ(std::get<std::string>(get(*items, Key(second)).value()[1]), "y");
}

TEST_F(SqliteStoreTest, ConcurrentReadModifyWriteSumsExactly) {
  auto items = open_table(*store_, products());
  ASSERT_TRUE(insert(*store_, *items, {Cell(std::int64_t{1}), std::string("sum"), 0.0}));
  constexpr int kThreads = 8;
  constexpr int kEach = 200;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < kEach; ++i) {
          const auto outcome = submit(*store_, [&](WriteTransaction& transaction) -> Status {
                                 CopyRows rows(items->table());
                                 if (auto found = transaction.get(*items, Key(std::int64_t{1}), rows); !found) {
                                   return std::unexpected(found.error());
                                 }
                                 Row row = rows.rows.at(0);
                                 row[2] = std::get<double>(row[2]) + 1;
                                 auto replaced = transaction.replace(*items, Key(std::int64_t{1}), row);
                                 return replaced ? Status() : std::unexpected(replaced.error());
                               }).get();
          ASSERT_TRUE(outcome);
        }
      });
    }
  }
  EXPECT_EQ(std::get<double>(get(*items, Key(std::int64_t{1})).value()[2]), kThreads * kEach);
}

TEST_F(SqliteStoreTest, WaitingWritesShareACommit) {
  auto items = open_table(*store_, products());
  std::latch begun(1);
  std::latch release(1);
  auto blocked = submit(*store_, [&](WriteTransaction&) -> Status {
    begun.count_down();
    release.wait();
    return {};
  });
  begun.wait();  // otherwise the first of the others could still come into its transaction
  std::vector<std::future<Status>> outcomes;
  std::vector<Row> rows(64, Row{Cell(), std::string("x"), 1.0});
  std::atomic<bool> other_seen = false;
  for (Row& row : rows) {
    outcomes.push_back(submit(*store_, [&](WriteTransaction& transaction) {
      auto done = transaction.insert(*items, row);
      // Another connection sees none of the batch before all of it is committed.
      other_seen = other_seen || get(*items, Key(std::int64_t{1})).has_value();
      return done;
    }));
  }
  release.count_down();
  ASSERT_TRUE(blocked.get());
  for (auto& outcome : outcomes) {
    ASSERT_TRUE(outcome.get());
  }
  EXPECT_FALSE(other_seen);
  EXPECT_EQ(list(*items, {.after = {}, .limit = 100}).size(), 64U);
}

TEST_F(SqliteStoreTest, AReadSeesWhatWasAnsweredAlsoWithinATurn) {
  runtime::Reactor reactor;
  auto items = open_table(*store_, products());
  for (std::int64_t key = 1; key < 200; ++key) {
    EXPECT_FALSE(get(*items, Key(key), &reactor));  // a snapshot from before the insert
    ASSERT_TRUE(insert(*store_, *items, {Cell(key), std::string("x"), 1.0}));
    EXPECT_TRUE(get(*items, Key(key), &reactor));
  }
  reactor.finish_turn();
}

TEST_F(SqliteStoreTest, ASnapshotEndsWithItsTurn) {
  auto items = open_table(*store_, products());
  runtime::Reactor reactor;
  EXPECT_FALSE(get(*items, Key(std::int64_t{1}), &reactor));
  reactor.finish_turn();
  // With no reader left the log can be emptied: busy would say otherwise.
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(directory_.file("test.db").c_str(), &other), SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(other, "PRAGMA wal_checkpoint(TRUNCATE)", -1, &statement, nullptr), SQLITE_OK);
  ASSERT_EQ(sqlite3_step(statement), SQLITE_ROW);
  EXPECT_EQ(sqlite3_column_int(statement, 0), 0);
  sqlite3_finalize(statement);
  sqlite3_close(other);
}

TEST_F(SqliteStoreTest, ReadsOnManyThreadsWhileOneWrites) {
  auto items = open_table(*store_, products());
  std::atomic<std::int64_t> answered = 0;
  std::atomic<bool> stop = false;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 4; ++i) {
      readers.emplace_back([&] {
        runtime::Reactor reactor;
        while (!stop) {
          for (int read = 0; read < 8; ++read) {
            const std::int64_t last = answered;
            if (last != 0) {
              ASSERT_TRUE(get(*items, Key(last), &reactor)) << last;
            }
          }
          reactor.finish_turn();
        }
      });
    }
    for (int i = 0; i < 2000; ++i) {
      answered = std::get<std::int64_t>(insert(*store_, *items, {Cell(), std::string("x"), 1.0}).value()[0]);
    }
    stop = true;
  }
}

TEST_F(SqliteStoreTest, CloseFinishesWhatIsQueuedAndRefusesTheRest) {
  auto items = open_table(*store_, products());
  std::vector<std::future<Status>> outcomes;
  std::vector<Row> rows(1500, Row{Cell(), std::string("x"), 1.0});
  for (Row& row : rows) {
    outcomes.push_back(submit(*store_, [&](WriteTransaction& transaction) { return transaction.insert(*items, row); }));
  }
  store_->close();
  for (auto& outcome : outcomes) {
    ASSERT_TRUE(outcome.get());
  }
  EXPECT_EQ(insert(*store_, *items, {Cell(), std::string("x"), 1.0}).error().code, Errc::kClosed);
  CopyRows none(items->table());
  EXPECT_EQ(wait_for_get(*items, Key(std::int64_t{1}), none).error().code, Errc::kClosed);
  EXPECT_FALSE(std::filesystem::exists(directory_.file("test.db-wal")));  // emptied into the database

  auto again = open_store(directory_.file("test.db"));
  EXPECT_EQ(list(*open_table(*again, products()), {.after = {}, .limit = 5000}).size(), 1500U);
}

}  // namespace
}  // namespace data_bridge::storage::sqlite
