// When reads and writes are answered, refused, given up; what an opened, a closed and a forked store does.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "storage/contract/fixture.hpp"

namespace data_bridge::storage::contract {

/// A write that goes on only after end().
class Blocker {
 public:
  explicit Blocker(Store& store)
      : done_(submit(store, [this](WriteTransaction&) -> Status {
          begun_.count_down();
          end_.wait();
          return {};
        })) {
    begun_.wait();
  }
  void end() {
    end_.count_down();
    EXPECT_TRUE(done_.get());
  }

 private:
  std::latch begun_{1};
  std::latch end_{1};
  std::future<Status> done_;
};

TEST_P(StoreContract, AReadSeesEveryWriteThatWasAnsweredBefore) {
  const auto items = open_table(*store_, things());
  std::atomic<std::int64_t> answered = 0;
  std::atomic<bool> stop = false;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 4; ++i) {
      readers.emplace_back([&] {
        while (!stop) {
          const std::int64_t last = answered;
          if (last == 0) continue;
          EXPECT_EQ(wait_for_get(*items, Key(last)).count.value_or(9), 1U) << last;
          const auto seen = ids(*items, {.sort = {descending(field(kId))}, .limit = 1});
          EXPECT_GE(seen.at(0), last);
        }
      });
    }
    for (int i = 0; i < 200; ++i) answered = add(*items, thing());
    stop = true;
  }
}

TEST_P(StoreContract, NobodySeesHalfOfATransaction) {
  const auto items = open_table(*store_, things());
  std::atomic<bool> stop = false;
  std::jthread reader([&] {
    while (!stop) EXPECT_EQ(ids(*items, {.limit = 1000}).size() % 3, 0U);
  });
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(submit(*store_, [&](WriteTransaction& transaction) -> Status {
                  for (int step = 0; step < 3; ++step) {
                    Row row = thing();
                    if (auto done = transaction.insert(*items, row); !done) return done;
                  }
                  return {};
                }).get());
  }
  stop = true;
}

TEST_P(StoreContract, ConcurrentReadModifyWriteSumsExactly) {
  const auto items = open_table(*store_, things());
  const std::int64_t key = add(*items, thing({{kNumber, std::int64_t{0}}}));
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) {
          EXPECT_TRUE(submit(*store_, [&](WriteTransaction& transaction) -> Status {
                        KeptRead kept;
                        if (auto got = transaction.get(*items, Key(key), kept); !got) {
                          return std::unexpected(std::move(got.error()));
                        }
                        kept.finish(0);
                        Row row = kept.future().get().rows.at(0);
                        row[kNumber] = std::get<std::int64_t>(row[kNumber]) + 1;
                        return transaction.replace(*items, Key(key), row) ? Status() : std::unexpected(Error{});
                      }).get());
        }
      });
    }
  }
  EXPECT_EQ(wait_for_get(*items, Key(key)).rows.at(0)[kNumber], Cell(std::int64_t{200}));
}

TEST_P(StoreContract, WritesBeyondTheLimitAreRefusedAndCounted) {
  const auto limited = open("limited.db", {.max_waiting_writes = 3, .max_waiting_bytes = 0});
  const auto items = open_table(*limited, things());
  Blocker blocker(*limited);
  std::vector<std::future<Status>> waiting;
  std::vector<Row> rows(3, thing());
  for (Row& row : rows) {
    waiting.push_back(submit(*limited, [&](WriteTransaction& transaction) { return transaction.insert(*items, row); }));
  }
  EXPECT_EQ(limited->waiting_writes(), 3U);
  EXPECT_EQ(limited->refused_writes(), 1U);
  const auto refused = waiting.back().get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kOverloaded);
  blocker.end();
  EXPECT_TRUE(waiting[0].get());
  EXPECT_TRUE(waiting[1].get());
  limited->close();
  EXPECT_EQ(limited->waiting_writes(), 0U);
}

TEST_P(StoreContract, WritesBeyondTheirMemoryAreRefused) {
  const auto limited = open("limited.db", {.max_waiting_writes = 0, .max_waiting_bytes = 250});
  Blocker blocker(*limited);
  const auto nothing = [](WriteTransaction&) -> Status { return {}; };
  auto second = submit(*limited, nothing);
  auto third = submit(*limited, nothing);
  const auto refused = third.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kOverloaded);
  blocker.end();
  EXPECT_TRUE(second.get());
  limited->close();
}

TEST_P(StoreContract, WhatNobodyWaitsForIsNotWritten) {
  const auto items = open_table(*store_, things());
  Blocker blocker(*store_);
  const auto wanted = std::make_shared<std::atomic<bool>>(true);
  bool executed = false;
  auto abandoned = submit(
      *store_,
      [&](WriteTransaction&) -> Status {
        executed = true;
        return {};
      },
      wanted);
  *wanted = false;
  blocker.end();
  const auto outcome = abandoned.get();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Errc::kAbandoned);
  EXPECT_FALSE(executed);
}

// A store that answers at once may have it before it could ask.
TEST_P(StoreContract, WhatNobodyWaitsForIsAnsweredAllTheSame) {
  const auto items = open_table(*store_, things());
  add(*items, thing());
  const auto job = std::make_shared<KeptRead>();
  auto found = job->future();
  job->abandon();
  const ListQuery query{.limit = 9};
  items->list(query, job, Reading::at_once());
  const Found outcome = found.get();
  EXPECT_TRUE(outcome.count.has_value() || outcome.count.error().code == Errc::kAbandoned);
}

TEST_P(StoreContract, CloseFinishesTheWritesAndRefusesTheRest) {
  const auto items = open_table(*store_, things());
  std::vector<std::future<Status>> outcomes;
  std::vector<Row> rows(500, thing());
  for (Row& row : rows) {
    outcomes.push_back(submit(*store_, [&](WriteTransaction& transaction) { return transaction.insert(*items, row); }));
  }
  store_->close();
  for (auto& outcome : outcomes) EXPECT_TRUE(outcome.get());
  EXPECT_EQ(insert(*store_, *items, thing()).error().code, Errc::kClosed);
  EXPECT_EQ(wait_for_get(*items, Key(std::int64_t{1})).count.error().code, Errc::kClosed);
  EXPECT_EQ(wait_for_list(*items, {.limit = 9}).count.error().code, Errc::kClosed);
  if (!GetParam().keeps) return;
  store_ = open();
  EXPECT_EQ(ids(*open_table(*store_, things()), {.limit = 1000}).size(), 500U);
}

TEST_P(StoreContract, TwoMountsOfATableShareItsItems) {
  const auto one = open_table(*store_, things());
  const auto other = open_table(*store_, things());
  const std::int64_t key = add(*one, thing({{kName, "a"}}));
  EXPECT_EQ(wait_for_get(*other, Key(key)).rows.at(0)[kName], Cell("a"));
}

TEST_P(StoreContract, ColumnsThatCanBeMissingAreAdded) {
  Table table;
  table.name = "growing";
  table.columns = {column("id", ColumnKind::kInteger), column("name", ColumnKind::kText)};
  add(*open_table(*store_, table), {Cell(), Cell("a")});
  open_again();
  table.columns.push_back(column("number", ColumnKind::kInteger));
  Column stock = column("stock", ColumnKind::kInteger, false);
  stock.default_value = std::int64_t{5};
  table.columns.insert(table.columns.begin() + 1, stock);
  const auto grown = open_table(*store_, table);
  EXPECT_EQ(wait_for_get(*grown, Key(std::int64_t{1})).rows,
            (std::vector<Row>{{std::int64_t{1}, std::int64_t{5}, Cell("a"), Cell()}}));
  EXPECT_EQ(add(*grown, {Cell(), std::int64_t{6}, Cell("b"), std::int64_t{7}}), 2);
  EXPECT_EQ(wait_for_get(*grown, Key(std::int64_t{2})).rows,
            (std::vector<Row>{{std::int64_t{2}, std::int64_t{6}, Cell("b"), std::int64_t{7}}}));
}

TEST_P(StoreContract, ATableThatDiffersIsRefused) {
  Table table;
  table.name = "settled";
  table.columns = {column("id", ColumnKind::kInteger), column("name", ColumnKind::kText),
                   column("number", ColumnKind::kInteger, false)};
  const auto items = open_table(*store_, table);
  for (int i = 0; i < 2; ++i) add(*items, {Cell(), Cell("same"), std::int64_t{1}});
  const auto refused = [&](const std::function<void(Table&)>& change) {
    Table other = table;
    change(other);
    const auto opened = store_->open_collection(other);
    return !opened && opened.error().code == Errc::kSchemaMismatch;
  };
  EXPECT_FALSE(refused([](Table&) {}));
  EXPECT_TRUE(refused([](Table& other) { other.columns[2].kind = ColumnKind::kText; }));
  EXPECT_TRUE(refused([](Table& other) { other.columns[2].nullable = true; }));
  EXPECT_TRUE(refused([](Table& other) { other.columns.pop_back(); }));
  EXPECT_TRUE(refused([](Table& other) { other.columns.push_back(column("needed", ColumnKind::kText, false)); }));
  EXPECT_TRUE(refused([](Table& other) { other.unique = {{1}}; }));
  EXPECT_TRUE(refused([](Table& other) {
    other.migrate = false;
    other.columns.push_back(column("more", ColumnKind::kText));
  }));
  EXPECT_TRUE(refused([](Table& other) {
    other.migrate = false;
    other.name = "absent";
  }));
}

TEST_P(StoreContract, AChildOfAForkIsNotInTheWay) {
  const auto items = open_table(*store_, things());
  std::atomic<bool> stop = false;
  std::vector<std::jthread> users;
  for (int i = 0; i < 2; ++i) {
    users.emplace_back([&] {
      while (!stop) {
        add(*items, thing());
        ids(*items, {.limit = 5});
      }
    });
  }
  for (int child = 0; child < 10; ++child) {
    store_->suspend();
    const pid_t pid = fork();
    if (pid == 0) {
      // Never destroyed, as its threads are not here.
      auto* const forgotten = new std::shared_ptr<Store>(store_);
      alarm(20);  // a mutex that nobody gives back
      (*forgotten)->forget_in_child();
      _exit(0);
    }
    store_->resume();
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0) << "child " << child;
  }
  stop = true;
}

}  // namespace data_bridge::storage::contract
