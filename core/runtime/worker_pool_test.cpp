// The worker pool: everything that was taken is run, nothing is taken after stop().
#include "runtime/worker_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

namespace data_bridge::runtime {
namespace {

TEST(WorkerPool, RunsEveryTaskBeforeStopReturns) {
  std::atomic<int> ran{0};
  WorkerPool pool(4);
  std::vector<std::thread> producers;
  for (int t = 0; t < 3; ++t) {
    producers.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        EXPECT_TRUE(pool.post([&] { ran.fetch_add(1); }));
      }
    });
  }
  for (std::thread& producer : producers) producer.join();
  pool.stop();
  EXPECT_EQ(ran.load(), 6000);
  EXPECT_EQ(pool.queued(), 0U);
  EXPECT_FALSE(pool.post([&] { ran.fetch_add(1); }));
  pool.stop();
  EXPECT_EQ(ran.load(), 6000);
}

TEST(WorkerPool, RunsTasksAtTheSameTime) {
  WorkerPool pool(2);
  std::atomic<int> arrived{0};
  for (int i = 0; i < 2; ++i) {
    pool.post([&] {
      ++arrived;
      while (arrived.load() < 2) std::this_thread::yield();  // ends only if both run
    });
  }
  pool.stop();
  EXPECT_EQ(arrived.load(), 2);
}

}  // namespace
}  // namespace data_bridge::runtime
