// That it keeps the contract, and answers later and in any order.
#include "storage/later/later_store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "storage/contract/all.hpp"

namespace data_bridge::storage::contract {

INSTANTIATE_TEST_SUITE_P(Later, StoreContract,
                         testing::Values(StoreKind{"Later", [](const std::string& place, const Limits& limits) {
                                                     return *later::LaterStore::open(place, {.limits = limits});
                                                   }}));

}  // namespace data_bridge::storage::contract

namespace data_bridge::storage::later {
namespace {

using namespace contract;
using std::chrono::milliseconds;

// Each test has a database of its own, which lasts as long as the process.
std::shared_ptr<LaterStore> open_store(Options options = {}) {
  return *LaterStore::open(testing::UnitTest::GetInstance()->current_test_info()->name(), options);
}

TEST(LaterStoreTest, NothingIsAnsweredWithinTheCall) {
  const auto store = open_store({.timing = {.max_delay = milliseconds(0)}});
  const auto items = open_table(*store, things());
  const auto here = std::this_thread::get_id();
  const Key key = std::int64_t{1};
  for (int i = 0; i < 100; ++i) {
    const auto job = std::make_shared<KeptRead>();
    auto found = job->future();
    std::thread::id there = here;
    job->at_end([&there] { there = std::this_thread::get_id(); });
    items->get(key, job, Reading::at_once());
    found.get();
    EXPECT_NE(there, here);
  }
}

TEST(LaterStoreTest, ReadsComeBackOutOfOrder) {
  const auto store = open_store();
  const auto items = open_table(*store, things());
  const ListQuery query{.limit = 1};
  const Key key = std::int64_t{1};
  std::size_t overtaken = 0;
  for (int pair = 0; pair < 200; ++pair) {
    std::atomic<int> order = 0;
    int first = 0;
    int second = 0;
    const auto one = std::make_shared<KeptRead>();
    const auto other = std::make_shared<KeptRead>();
    one->at_end([&] { first = ++order; });
    other->at_end([&] { second = ++order; });
    auto end_of_one = one->future();
    auto end_of_other = other->future();
    items->list(query, one, nullptr);
    items->get(key, other, nullptr);
    end_of_one.get();
    end_of_other.get();
    overtaken += second < first ? 1 : 0;
  }
  EXPECT_GT(overtaken, 0U);
  EXPECT_LT(overtaken, 200U);
}

TEST(LaterStoreTest, WritesAreDoneInOrderAndAnsweredOutOfIt) {
  const auto store = open_store();
  const auto items = open_table(*store, things());
  std::vector<int> done;
  std::mutex mutex;
  std::vector<int> answered;
  for (int number = 0; number < 100; ++number) {
    store->submit(std::make_unique<LambdaJob>(
        [&done, number](WriteTransaction&) -> Status {
          done.push_back(number);
          return {};
        },
        [&, number](const Error* error) {
          EXPECT_EQ(error, nullptr);
          const std::lock_guard lock(mutex);
          answered.push_back(number);
        },
        false));
  }
  store->close();
  EXPECT_TRUE(std::ranges::is_sorted(done));
  EXPECT_EQ(done.size(), 100U);
  EXPECT_EQ(answered.size(), 100U);
}

TEST(LaterStoreTest, SomeReadsBeginAnew) {
  const auto store = open_store({.timing = {.max_delay = milliseconds(0)}});
  const auto items = open_table(*store, things());
  ASSERT_TRUE(insert(*store, *items, thing()));
  class Restarts final : public ReadJob {
   public:
    bool on_row(RowView) override { return true; }
    void restart() noexcept override { ++restarts; }
    void finish(std::expected<std::uint64_t, Error>) noexcept override { ended.set_value(); }
    int restarts = 0;
    std::promise<void> ended;
  };
  int restarts = 0;
  const Key key = std::int64_t{1};
  for (int i = 0; i < 100; ++i) {
    const auto job = std::make_shared<Restarts>();
    items->get(key, job, i % 2 == 0 ? Reading::at_once() : Reading(nullptr));
    job->ended.get_future().get();
    restarts += job->restarts;
    EXPECT_TRUE(i % 2 == 0 || job->restarts == 0) << "for one who waits";
  }
  EXPECT_GT(restarts, 0);
  EXPECT_LT(restarts, 100);
}

/// Why a read has failed.
Errc answer_of(Collection& items, const std::function<void(KeptRead&)>& meanwhile) {
  const auto job = std::make_shared<KeptRead>();
  auto found = job->future();
  const Key key = std::int64_t{1};
  items.get(key, job, nullptr);
  meanwhile(*job);
  const Found outcome = found.get();
  return outcome.count ? Errc::kInternal : outcome.count.error().code;
}

TEST(LaterStoreTest, AReadThatNobodyWaitsForIsNotDone) {
  const auto store = open_store({.timing = {.max_delay = milliseconds(200)}});
  const auto items = open_table(*store, things());
  EXPECT_EQ(answer_of(*items, [](KeptRead& job) { job.abandon(); }), Errc::kAbandoned);
}

TEST(LaterStoreTest, AReadThatWaitsWhenTheStoreIsClosedIsRefused) {
  const auto store = open_store({.timing = {.max_delay = milliseconds(1000)}});
  const auto items = open_table(*store, things());
  EXPECT_EQ(answer_of(*items, [&](KeptRead&) { store->close(); }), Errc::kClosed);
}

TEST(LaterStoreTest, AReadEndsWithItsTime) {
  const auto store = open_store({.timing = {.max_delay = std::chrono::hours(1)}});
  Table table = things();
  table.query_timeout = milliseconds(20);
  const auto items = open_table(*store, table);
  const auto begin = Clock::now();
  EXPECT_EQ(answer_of(*items, [](KeptRead&) {}), Errc::kTimeout);
  EXPECT_GE(Clock::now() - begin, milliseconds(20));
}

TEST(LaterStoreTest, ReadsBeyondTheBoundAreRefusedAtOnce) {
  const auto store = open_store({.timing = {.max_delay = milliseconds(300)}, .max_waiting_reads = 2});
  const auto items = open_table(*store, things());
  const Key key = std::int64_t{1};
  std::vector<std::future<Found>> found;
  for (int i = 0; i < 3; ++i) {
    const auto job = std::make_shared<KeptRead>();
    found.push_back(job->future());
    items->get(key, job, nullptr);
  }
  EXPECT_EQ(found[2].wait_for(milliseconds(0)), std::future_status::ready);
  EXPECT_EQ(found[2].get().count.error().code, Errc::kOverloaded);
  EXPECT_TRUE(found[0].get().count.has_value());
  EXPECT_TRUE(found[1].get().count.has_value());
}

TEST(LaterStoreTest, AForgottenStoreRefusesWhatItIsAsked) {
  const auto store = open_store();
  const auto items = open_table(*store, things());
  store->suspend();
  const pid_t pid = fork();
  if (pid == 0) {
    auto* const forgotten = new std::shared_ptr<Store>(store);
    alarm(20);
    (*forgotten)->forget_in_child();
    const bool refuses = wait_for_get(*items, Key(std::int64_t{1})).count.error().code == Errc::kClosed;
    _exit(refuses && insert(**forgotten, *items, thing()).error().code == Errc::kClosed ? 0 : 1);
  }
  store->resume();
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(insert(*store, *items, thing()));
}

TEST(LaterStoreTest, ANameIsNeeded) { EXPECT_EQ(LaterStore::open("").error().code, Errc::kInvalidArgument); }

}  // namespace
}  // namespace data_bridge::storage::later
