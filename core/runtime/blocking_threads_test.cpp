// Threads for what may wait.
#include "runtime/blocking_threads.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <thread>

namespace data_bridge::runtime {
namespace {

TEST(BlockingThreads, OneThatWaitsIsNotInTheWay) {
  constexpr int kMost = BlockingThreads::kMost;
  std::latch all(kMost);  // passes where so many run at once
  std::latch done(kMost);
  BlockingThreads threads;
  for (int i = 0; i < kMost; ++i) {
    threads.submit([&] {
      all.arrive_and_wait();
      done.count_down();
    });
  }
  done.wait();
}

TEST(BlockingThreads, DoesAllThatItIsGiven) {
  std::atomic<int> sum{0};
  std::latch done(1000);
  BlockingThreads threads;
  for (int i = 0; i < 1000; ++i) {
    threads.submit([&] {
      ++sum;
      done.count_down();
    });
  }
  done.wait();
  EXPECT_EQ(sum, 1000);
}

TEST(BlockingThreads, EndsBehindWhatHasBegunAndDropsTheRest) {
  std::atomic<int> ended{0};
  std::latch begun(BlockingThreads::kMost);
  std::latch gate(1);
  auto threads = std::make_unique<BlockingThreads>();
  for (std::size_t i = 0; i < BlockingThreads::kMost; ++i) {
    threads->submit([&] {
      begun.count_down();
      gate.wait();
      ++ended;
    });
  }
  begun.wait();
  const auto dropped = std::make_shared<int>();
  threads->submit([dropped] { ADD_FAILURE(); });
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
