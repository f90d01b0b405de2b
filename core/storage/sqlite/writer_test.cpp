// What waits for the writing thread: how much, how long, and for whom.
#include "storage/sqlite/writer.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <latch>
#include <new>
#include <string>

#include "storage/sqlite/test_support.hpp"

namespace data_bridge::storage::sqlite {
namespace {

using namespace std::chrono_literals;

class WriterTest : public testing::Test {
 protected:
  void open(const Options& options) {
    store_ = open_store(path_, options);
    items_ = open_table(*store_, products());
  }
  std::future<Status> insert_later(Row& row) {
    return submit(*store_, [this, &row](WriteTransaction& transaction) { return transaction.insert(*items_, row); });
  }
  /// Keeps the thread in a transaction until `release_`.
  std::future<Status> hold() {
    auto begun = std::make_shared<std::latch>(1);
    auto outcome = submit(*store_, [this, begun](WriteTransaction&) -> Status {
      begun->count_down();
      release_.wait();
      return {};
    });
    begun->wait();
    return outcome;
  }
  static Row item() { return {Cell(), std::string("x"), 1.0}; }

  TemporaryDirectory directory_;
  const std::string path_ = directory_.file("test.db");
  std::latch release_{1};
  std::shared_ptr<SqliteStore> store_;
  std::shared_ptr<Collection> items_;
};

// A job that says how large it is, and whether anybody wants it.
class SizedJob final : public WriteJob {
 public:
  SizedJob(std::size_t memory, bool is_wanted, std::promise<Status>& outcome, bool& executed)
      : memory_(memory), is_wanted_(is_wanted), outcome_(outcome), executed_(executed) {}
  std::size_t memory() const noexcept override { return memory_; }
  bool is_wanted() const noexcept override { return is_wanted_; }
  Status execute(WriteTransaction&) override {
    executed_ = true;
    return {};
  }
  void finish(const Error* error) noexcept override {
    outcome_.set_value(error == nullptr ? Status() : std::unexpected(*error));
  }

 private:
  std::size_t memory_;
  bool is_wanted_;
  std::promise<Status>& outcome_;
  bool& executed_;
};

TEST_F(WriterTest, MoreThanMayWaitIsRefusedAtOnce) {
  open({.limits = {.max_waiting_writes = 4}});
  auto held = hold();
  std::vector<Row> rows(5, item());
  std::vector<std::future<Status>> waiting;
  for (std::size_t at = 0; at < 3; ++at) {
    waiting.push_back(insert_later(rows[at]));
  }
  EXPECT_EQ(store_->waiting_writes(), 4U);
  auto refused = insert_later(rows[3]);
  ASSERT_EQ(refused.wait_for(0s), std::future_status::ready);
  EXPECT_EQ(refused.get().error().code, Errc::kOverloaded);
  EXPECT_EQ(store_->refused_writes(), 1U);
  release_.count_down();
  EXPECT_TRUE(held.get());
  for (auto& outcome : waiting) {
    EXPECT_TRUE(outcome.get());
  }
  ASSERT_TRUE(store_->on_writer([](SqlConnection&) -> Status { return {}; }));  // behind them
  EXPECT_EQ(store_->waiting_writes(), 0U);
  EXPECT_TRUE(insert_later(rows[4]).get());
}

TEST_F(WriterTest, MoreBytesThanMayWaitAreRefusedAtOnce) {
  open({.limits = {.max_waiting_bytes = LambdaJob::kMemory + 1000}});  // one holds the thread
  auto held = hold();
  std::array<std::promise<Status>, 4> outcomes;
  std::array<bool, 4> executed{};
  const std::array<std::size_t, 4> sizes = {600, 500, 400, 1};
  for (std::size_t at = 0; at < sizes.size(); ++at) {
    store_->submit(std::make_unique<SizedJob>(sizes[at], true, outcomes[at], executed[at]));
  }
  EXPECT_EQ(outcomes[1].get_future().get().error().code, Errc::kOverloaded);
  EXPECT_EQ(outcomes[3].get_future().get().error().code, Errc::kOverloaded);
  release_.count_down();
  EXPECT_TRUE(outcomes[0].get_future().get());
  EXPECT_TRUE(outcomes[2].get_future().get());
  EXPECT_TRUE(held.get());
  ASSERT_TRUE(store_->on_writer([](SqlConnection&) -> Status { return {}; }));
  std::promise<Status> alone;
  store_->submit(std::make_unique<SizedJob>(5000, true, alone, executed[3]));
  EXPECT_TRUE(alone.get_future().get());
}

TEST_F(WriterTest, OneLockTimeoutAnswersAllThatWait) {
  open({.busy_timeout = 1s, .limits = {.max_waiting_writes = 0}});
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  std::vector<Row> rows(6000, item());
  std::vector<std::future<Status>> outcomes;
  const auto begin = std::chrono::steady_clock::now();
  for (Row& row : rows) {
    outcomes.push_back(insert_later(row));
  }
  for (auto& outcome : outcomes) {
    EXPECT_EQ(outcome.get().error().code, Errc::kBusy);
  }
  // 1 s; a batch of 512 after the other it was 12.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 6s);
  ASSERT_EQ(sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  EXPECT_TRUE(insert_later(rows[0]).get());
  EXPECT_EQ(list(*items_, {.after = {}, .limit = 10}).size(), 1U);
}

TEST_F(WriterTest, WhatNobodyWantsIsNotExecuted) {
  open({});
  auto held = hold();
  std::promise<Status> unwanted;
  std::promise<Status> wanted;
  bool unwanted_ran = false;
  bool wanted_ran = false;
  store_->submit(std::make_unique<SizedJob>(0, false, unwanted, unwanted_ran));
  store_->submit(std::make_unique<SizedJob>(0, true, wanted, wanted_ran));
  release_.count_down();
  EXPECT_TRUE(held.get());
  EXPECT_EQ(unwanted.get_future().get().error().code, Errc::kAbandoned);
  EXPECT_TRUE(wanted.get_future().get());
  EXPECT_FALSE(unwanted_ran);
  EXPECT_TRUE(wanted_ran);
}

TEST_F(WriterTest, AJobThatRunsOutOfMemoryEndsItsTransactionOnly) {
  open({});
  auto held = hold();
  std::vector<Row> rows(2, item());
  auto beside = insert_later(rows[0]);
  auto failing = submit(*store_, [this](WriteTransaction& transaction) -> Status {
    Row row = item();
    if (auto done = transaction.insert(*items_, row); !done) return done;
    throw std::bad_alloc();  // as where the answer is made of what was inserted
  });
  release_.count_down();
  EXPECT_TRUE(held.get());
  EXPECT_EQ(failing.get().error().code, Errc::kInternal);
  EXPECT_EQ(beside.get().error().code, Errc::kInternal);
  EXPECT_TRUE(insert_later(rows[1]).get());
  EXPECT_EQ(list(*items_, {.after = {}, .limit = 10}).size(), 1U);  // no half of it
  EXPECT_EQ(submit(*store_, [](WriteTransaction&) -> Status { throw std::bad_alloc(); }).get().error().code,
            Errc::kInternal);
}

TEST_F(WriterTest, ItsThreadHasANameAndNoSignals) {
  open({});
  bool found = false;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::ifstream(task.path() / "comm") >> name;
    if (name != "sqlite-writer") continue;
    found = true;
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("SigBlk:")) {
        const std::uint64_t blocked = std::stoull(line.substr(8), nullptr, 16);
        EXPECT_NE(blocked & (std::uint64_t{1} << (SIGTERM - 1)), 0U);
        EXPECT_NE(blocked & (std::uint64_t{1} << (SIGINT - 1)), 0U);
      }
    }
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace data_bridge::storage::sqlite
