// A disk that is full, a database that is locked, read-only, gone or broken: what is said, and that it ends.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <chrono>
#include <fstream>

#include "storage/sqlite/test_support.hpp"

namespace data_bridge::storage::sqlite {
namespace {

using namespace std::chrono_literals;

class FailureTest : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  const std::string path_ = directory_.file("test.db");
};

// A connection of somebody else's.
class Other {
 public:
  explicit Other(const std::string& path) { EXPECT_EQ(sqlite3_open(path.c_str(), &handle_), SQLITE_OK); }
  ~Other() { sqlite3_close(handle_); }
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;
  void run(const char* sql) { EXPECT_EQ(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sql; }

 private:
  sqlite3* handle_ = nullptr;
};

Row item(std::string name) { return {Cell(), std::move(name), 1.0}; }

TEST_F(FailureTest, AMissingDirectoryIsUnavailable) {
  const auto store = SqliteStore::open(directory_.file("none/test.db"));
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::kUnavailable);
}

TEST_F(FailureTest, AFileThatIsNoDatabaseIsCorrupt) {
  std::ofstream(path_) << std::string(4096, 'x');
  const auto store = SqliteStore::open(path_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::kCorrupt);
}

TEST_F(FailureTest, ADatabaseOfAnotherEncodingIsRefused) {
  {
    Other other(path_);
    other.run("PRAGMA encoding='UTF-16'; CREATE TABLE x (y)");
  }
  const auto store = SqliteStore::open(path_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::kSchemaMismatch);
}

TEST_F(FailureTest, MemoryIsNoPlaceForADatabase) {
  EXPECT_EQ(SqliteStore::open(":memory:").error().code, Errc::kInvalidArgument);
  EXPECT_EQ(SqliteStore::open("").error().code, Errc::kInvalidArgument);
}

TEST_F(FailureTest, ALockedDatabaseIsBusyAndThenServesAgain) {
  auto store = open_store(path_, Options{.busy_timeout = 50ms});
  auto items = open_table(*store, products());
  Other other(path_);
  other.run("BEGIN IMMEDIATE");
  EXPECT_EQ(insert(*store, *items, item("a")).error().code, Errc::kBusy);
  EXPECT_TRUE(list(*items, {.after = {}, .limit = 10}).empty());  // reading goes on
  other.run("COMMIT");
  EXPECT_TRUE(insert(*store, *items, item("b")));
}

TEST_F(FailureTest, WhatIsAskedBehindABusyAnswerIsAnotherCase) {
  auto store = open_store(path_, Options{.busy_timeout = 50ms});
  auto items = open_table(*store, products());
  Other other(path_);
  other.run("BEGIN IMMEDIATE");
  const auto execute = [&](WriteTransaction& transaction) {
    Row row = item("a");
    return transaction.insert(*items, row);
  };
  std::future<Status> second;
  std::promise<void> answered;
  store->submit(std::make_unique<LambdaJob>(
      execute,
      [&](const Error* error) {
        EXPECT_TRUE(error != nullptr && error->code == Errc::kBusy);
        other.run("COMMIT");
        second = submit(*store, execute);
        answered.set_value();
      },
      false));
  answered.get_future().wait();
  EXPECT_TRUE(second.get());
}

TEST_F(FailureTest, WaitsForALockThatIsHeldShortly) {
  auto store = open_store(path_, Options{.busy_timeout = 5000ms});
  auto items = open_table(*store, products());
  Other other(path_);
  other.run("BEGIN IMMEDIATE");
  auto outcome = submit(*store, [&](WriteTransaction& transaction) {
    Row row = item("a");
    return transaction.insert(*items, row);
  });
  EXPECT_EQ(outcome.wait_for(100ms), std::future_status::timeout);
  other.run("COMMIT");
  EXPECT_TRUE(outcome.get());
}

// The limit of pages stands for the disk: SQLITE_FULL in both cases, from the same places.
TEST_F(FailureTest, AFullDatabaseFailsTheBatchAndServesAgain) {
  auto store = open_store(path_);
  auto items = open_table(*store, products());
  ASSERT_TRUE(insert(*store, *items, item("first")));
  auto* sqlite = static_cast<SqliteStore*>(store.get());
  ASSERT_TRUE(
      sqlite->on_writer([](SqlConnection& connection) { return connection.execute("PRAGMA max_page_count=20"); }));
  std::vector<Row> rows(8, item(std::string(20'000, 'x')));
  std::vector<std::future<Status>> outcomes;
  for (Row& row : rows) {
    outcomes.push_back(submit(*store, [&](WriteTransaction& transaction) { return transaction.insert(*items, row); }));
  }
  std::size_t stored = 0;
  for (auto& outcome : outcomes) {
    if (const auto result = outcome.get()) {
      ++stored;
    } else {
      EXPECT_EQ(result.error().code, Errc::kFull);
    }
  }
  EXPECT_LT(stored, rows.size());
  EXPECT_EQ(list(*items, {.after = {}, .limit = 100}).size(), 1 + stored);  // no half of a batch
  ASSERT_TRUE(
      sqlite->on_writer([](SqlConnection& connection) { return connection.execute("PRAGMA max_page_count=100000"); }));
  EXPECT_TRUE(insert(*store, *items, item(std::string(20'000, 'y'))));
}

TEST_F(FailureTest, AReadOnlyDatabaseRefusesWritesOnly) {
  auto store = open_store(path_);
  auto items = open_table(*store, products());
  ASSERT_TRUE(insert(*store, *items, item("first")));
  auto* sqlite = static_cast<SqliteStore*>(store.get());
  ASSERT_TRUE(sqlite->on_writer([](SqlConnection& connection) { return connection.execute("PRAGMA query_only=ON"); }));
  EXPECT_EQ(insert(*store, *items, item("second")).error().code, Errc::kReadOnly);
  EXPECT_EQ(list(*items, {.after = {}, .limit = 10}).size(), 1U);
  EXPECT_TRUE(insert(*store, *items, item("third")));  // by a fresh connection
}

TEST_F(FailureTest, ADatabaseThatIsMovedAwayIsGoneUntilItComesBack) {
  auto store = open_store(path_);
  auto items = open_table(*store, products());
  ASSERT_TRUE(insert(*store, *items, item("first")));
  const std::string away = directory_.file("away.db");
  std::filesystem::rename(path_, away);
  std::filesystem::rename(path_ + "-wal", away + "-wal");
  std::filesystem::rename(path_ + "-shm", away + "-shm");
  EXPECT_EQ(insert(*store, *items, item("lost")).error().code, Errc::kUnavailable);
  EXPECT_FALSE(std::filesystem::exists(path_));  // not silently made anew
  std::filesystem::rename(away, path_);
  if (std::filesystem::exists(away + "-wal")) {
    std::filesystem::rename(away + "-wal", path_ + "-wal");
  }
  EXPECT_TRUE(insert(*store, *items, item("second")));
  EXPECT_EQ(list(*items, {.after = {}, .limit = 10}).size(), 2U);
}

TEST_F(FailureTest, AValueThatIsTooBigIsRefusedAlone) {
  auto store = open_store(path_);
  auto items = open_table(*store, products());
  auto* sqlite = static_cast<SqliteStore*>(store.get());
  ASSERT_TRUE(sqlite->on_writer([](SqlConnection& connection) -> Status {
    sqlite3_limit(connection.handle(), SQLITE_LIMIT_LENGTH, 10'000);
    return {};
  }));
  EXPECT_EQ(insert(*store, *items, item(std::string(20'000, 'x'))).error().code, Errc::kTooBig);
  EXPECT_TRUE(insert(*store, *items, item("small")));
}

TEST_F(FailureTest, AValueOfTheWrongTypeIsRejected) {
  auto store = open_store(path_);
  auto items = open_table(*store, products());
  EXPECT_EQ(insert(*store, *items, {Cell(), Cell(), 1.0}).error().code, Errc::kRejected);
  EXPECT_EQ(insert(*store, *items, {std::string("x"), std::string("n"), 1.0}).error().code, Errc::kRejected);
  EXPECT_EQ(insert(*store, *items, {Cell(), std::string("n"), std::string("x")}).error().code, Errc::kRejected);
}

}  // namespace
}  // namespace data_bridge::storage::sqlite
