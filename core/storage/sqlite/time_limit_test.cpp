// Queries that take too long: ended where they are in the way, and where they may wait by their limit.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "storage/sqlite/test_support.hpp"

namespace data_bridge::storage::sqlite {
namespace {

using namespace std::chrono_literals;

// Notes what becomes of a read, and on which thread.
class WatchedRead final : public ReadJob {
 public:
  bool on_row(RowView) override {
    ++rows;
    return true;
  }
  void restart() noexcept override {
    rows = 0;
    ++restarts;
  }
  void finish(std::expected<std::uint64_t, Error> outcome) noexcept override {
    thread = std::this_thread::get_id();
    found = outcome.value_or(0);
    outcome_.set_value(std::move(outcome));
  }
  [[nodiscard]] bool is_wanted() const noexcept override { return wanted_; }
  void leave() noexcept { wanted_ = false; }
  [[nodiscard]] std::future_status wait_for(std::chrono::seconds time) const { return future_.wait_for(time); }
  [[nodiscard]] bool is_finished() const { return wait_for(0s) == std::future_status::ready; }
  [[nodiscard]] const std::expected<std::uint64_t, Error>& wait() const { return future_.get(); }

  std::uint64_t found = 0;
  int rows = 0;
  int restarts = 0;
  std::thread::id thread;

 private:
  std::promise<std::expected<std::uint64_t, Error>> outcome_;
  const std::shared_future<std::expected<std::uint64_t, Error>> future_ = outcome_.get_future().share();
  std::atomic<bool> wanted_ = true;
};

class TimeLimitTest : public testing::Test {
 protected:
  void open(std::chrono::milliseconds timeout) {
    Table table = products();
    table.query_timeout = timeout;
    items_ = open_table(*store_, table);
    if (sqlite::count(*items_, {}).value_or(0) == 0) {
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

  // Or one of the first `count` items.
  static Condition either(Condition condition, std::int64_t count) {
    condition.parts.push_back({.type = Condition::Type::kTest,
                               .field = {.column = 0, .kind = ColumnKind::kInteger},
                               .op = Operator::kLessEqual,
                               .values = {Cell(count)}});
    return condition;
  }

  TemporaryDirectory directory_;
  std::shared_ptr<SqliteStore> store_ = open_store(directory_.file("test.db"));
  std::shared_ptr<Collection> items_;
};

TEST_F(TimeLimitTest, WhoMayWaitWaitsUntilTheLimit) {
  open(100ms);
  const auto begun = std::chrono::steady_clock::now();
  const auto counted = sqlite::count(*items_, expensive(20));
  ASSERT_FALSE(counted.has_value());
  EXPECT_EQ(counted.error().code, Errc::kTimeout);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 100ms);
  // The connection is as good as before.
  EXPECT_EQ(sqlite::count(*items_, {}).value_or(0), 20000U);
}

TEST_F(TimeLimitTest, WithoutALimitItTakesItsTime) {
  open(0ms);
  EXPECT_EQ(sqlite::count(*items_, expensive(1)).value_or(999), 0U);
}

TEST_F(TimeLimitTest, AThreadThatOthersWaitForIsNotHeldUp) {
  for (const auto timeout : {0ms, 60000ms}) {
    open(timeout);
    const auto read = std::make_shared<WatchedRead>();
    const ListQuery query{.condition = either(expensive(20), 3), .limit = 5, .wants_total = true};
    items_->list(query, read, Reading::at_once());
    EXPECT_FALSE(read->is_finished());
    ASSERT_TRUE(read->wait().has_value());
    EXPECT_EQ(read->found, 3U);
    EXPECT_EQ(read->rows, 3) << "those from before it began anew do not count";
    EXPECT_EQ(read->restarts, 1);
    EXPECT_NE(read->thread, std::this_thread::get_id());
  }
  open(1ms);  // shorter than what anybody may take
  const auto brief = std::make_shared<WatchedRead>();
  const ListQuery long_query{.condition = expensive(20), .wants_total = true};
  items_->list(long_query, brief, Reading::at_once());
  EXPECT_TRUE(brief->is_finished());
  EXPECT_EQ(brief->wait().error().code, Errc::kTimeout);
  const auto plain = std::make_shared<WatchedRead>();
  const ListQuery page{.limit = 20};
  items_->list(page, plain, Reading::at_once());
  EXPECT_TRUE(plain->is_finished());
  EXPECT_EQ(plain->rows, 20);
  EXPECT_EQ(plain->restarts, 0);
}

TEST_F(TimeLimitTest, NobodyIsWaitedForWhoHasLeft) {
  open(0ms);
  const ListQuery query{.condition = expensive(100), .wants_total = true};
  std::vector<std::shared_ptr<WatchedRead>> reads;
  for (std::size_t at = 0; at < 2 * runtime::BlockingThreads::kMost; ++at) {  // half of them begin
    reads.push_back(std::make_shared<WatchedRead>());
    items_->list(query, reads.back(), Reading::at_once());
  }
  for (const auto& read : reads) read->leave();
  for (const auto& read : reads) {
    ASSERT_EQ(read->wait_for(30s), std::future_status::ready);
    EXPECT_EQ(read->wait().error().code, Errc::kAbandoned);
  }
}

TEST_F(TimeLimitTest, WhatWaitsIsBounded) {
  open(0ms);
  SlowReads slow;
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::vector<std::shared_ptr<WatchedRead>> reads;
  const auto add = [&] {
    reads.push_back(std::make_shared<WatchedRead>());
    slow.submit(reads.back(), [released](ReadJob& job) {
      released.wait();
      job.finish(0);
    });
  };
  constexpr std::size_t kRunning = runtime::BlockingThreads::kMost;
  for (std::size_t at = 0; at < kRunning; ++at) add();
  while (slow.waiting() != 0) std::this_thread::yield();
  for (std::size_t at = 0; at < SlowReads::kMostWaiting + 3; ++at) add();
  for (std::size_t at = reads.size() - 3; at < reads.size(); ++at) {
    ASSERT_TRUE(reads[at]->is_finished());
    EXPECT_EQ(reads[at]->wait().error().code, Errc::kOverloaded);
  }
  EXPECT_EQ(slow.waiting(), SlowReads::kMostWaiting);
  reads[kRunning + 5]->leave();  // and makes room
  add();
  EXPECT_FALSE(reads.back()->is_finished());
  EXPECT_EQ(reads[kRunning + 5]->wait().error().code, Errc::kAbandoned);
  std::thread closer([&] { slow.close(); });
  EXPECT_EQ(reads.back()->wait().error().code, Errc::kClosed);
  release.set_value();
  closer.join();
  for (std::size_t at = 0; at < kRunning; ++at) EXPECT_TRUE(reads[at]->wait().has_value());
  add();
  EXPECT_EQ(reads.back()->wait().error().code, Errc::kClosed);
}

TEST_F(TimeLimitTest, AStoreThatClosesWaitsForNoQuery) {
  open(0ms);
  std::thread closer([this] {
    std::this_thread::sleep_for(50ms);
    store_->close();
  });
  const auto counted = sqlite::count(*items_, expensive(100));
  closer.join();
  ASSERT_FALSE(counted.has_value());
  EXPECT_EQ(counted.error().code, Errc::kClosed);
}

}  // namespace
}  // namespace data_bridge::storage::sqlite
