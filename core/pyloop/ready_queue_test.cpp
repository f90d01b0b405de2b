// ReadyQueue: first in, first out, also while it grows around its end.
#include "pyloop/ready_queue.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <deque>
#include <random>
#include <vector>

namespace data_bridge::pyloop {
namespace {

TEST(ReadyQueue, IsFirstInFirstOut) {
  std::vector<int> items(5000);
  ReadyQueue<int> queue;
  std::deque<int*> reference;
  std::mt19937 random(11);
  std::size_t next = 0;
  while (next < items.size() || !reference.empty()) {
    // Bursts of either kind, so that the ring grows at every position of its head.
    for (std::size_t burst = random() % 90; burst > 0 && next < items.size(); --burst) {
      queue.push(&items[next]);
      reference.push_back(&items[next++]);
    }
    ASSERT_EQ(queue.size(), reference.size());
    std::size_t seen = 0;
    queue.for_each([&](const int* item) { EXPECT_EQ(item, reference[seen++]); });
    ASSERT_EQ(seen, reference.size());
    for (std::size_t burst = random() % 60; burst > 0 && !reference.empty(); --burst) {
      ASSERT_EQ(queue.pop(), reference.front());
      reference.pop_front();
    }
  }
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace data_bridge::pyloop
