// Threads for what may wait.
#include "runtime/blocking_threads.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

namespace data_bridge::runtime {
namespace {

TEST(BlockingThreads, OneThatWaitsIsNotInTheWay) {
  constexpr int kMost = BlockingThreads::kMost;
  std::latch all(kMost);  // passes where so many run at once
  std::latch done(kMost);
  BlockingThreads threads;
  std::vector<BlockingThreads::Place> places;
  for (int i = 0; i < kMost; ++i) {
    places.push_back(threads.submit([&] {
      all.arrive_and_wait();
      done.count_down();
    }));
  }
  done.wait();
}

TEST(BlockingThreads, DoesAllThatItIsGiven) {
  std::atomic<int> sum{0};
  std::latch done(1000);
  BlockingThreads threads;
  std::vector<BlockingThreads::Place> places;
  for (int i = 0; i < 1000; ++i) {
    places.push_back(threads.submit([&] {
      ++sum;
      done.count_down();
    }));
  }
  done.wait();
  EXPECT_EQ(sum, 1000);
}

TEST(BlockingThreads, WorkGoesWithItsPlace) {
  std::latch begun(BlockingThreads::kMost);
  std::latch gate(1);
  std::latch done(1);
  std::atomic<int> ran{0};
  BlockingThreads threads;
  std::vector<BlockingThreads::Place> busy;
  for (std::size_t i = 0; i < BlockingThreads::kMost; ++i) {
    busy.push_back(threads.submit([&] {
      begun.count_down();
      gate.wait();
    }));
  }
  begun.wait();
  const auto held = std::make_shared<int>();
  for (int i = 0; i < 1000; ++i) {
    auto place = threads.submit([held] { ADD_FAILURE(); });
    EXPECT_EQ(threads.waiting(), 1U);
  }
  EXPECT_EQ(held.use_count(), 1);
  auto kept = threads.submit([held] { ADD_FAILURE(); });
  kept = threads.submit([&] {
    ++ran;
    done.count_down();
  });
  EXPECT_EQ(threads.waiting(), 1U);
  busy.clear();  // of what has begun: nothing happens
  gate.count_down();
  done.wait();
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(threads.waiting(), 0U);
}

TEST(BlockingThreads, EndsBehindWhatHasBegunAndDropsTheRest) {
  std::atomic<int> ended{0};
  std::latch begun(BlockingThreads::kMost);
  std::latch gate(1);
  auto threads = std::make_unique<BlockingThreads>();
  std::vector<BlockingThreads::Place> places;
  for (std::size_t i = 0; i < BlockingThreads::kMost; ++i) {
    places.push_back(threads->submit([&] {
      begun.count_down();
      gate.wait();
      ++ended;
    }));
  }
  begun.wait();
  const auto dropped = std::make_shared<int>();
  const auto place = threads->submit([dropped] { ADD_FAILURE(); });
  std::thread opener([&] {
    while (dropped.use_count() > 1) std::this_thread::yield();  // the end has begun
    gate.count_down();
  });
  threads.reset();
  opener.join();
  EXPECT_EQ(ended, static_cast<int>(BlockingThreads::kMost));
}

}  // namespace
}  // namespace data_bridge::runtime
