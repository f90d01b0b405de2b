// ReadyQueue: first in, first out, also while it grows around its end.
#include "pyloop/ready_queue.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <new>
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
      ASSERT_TRUE(queue.push(&items[next]));
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

TEST(ReadyQueue, WhatIsPushedToTheFrontIsTheOldest) {
  std::vector<int> items(300);
  ReadyQueue<int> queue;
  for (std::size_t i = 100; i-- > 0;) ASSERT_TRUE(queue.push_front(&items[i]));
  for (std::size_t i = 100; i < 200; ++i) ASSERT_TRUE(queue.push(&items[i]));
  for (std::size_t i = 0; i < 50; ++i) ASSERT_EQ(queue.pop(), &items[i]);
  for (std::size_t i = 50; i-- > 0;) ASSERT_TRUE(queue.push_front(&items[i]));
  for (std::size_t i = 200; i < 300; ++i) ASSERT_TRUE(queue.push(&items[i]));
  std::size_t seen = 0;
  queue.for_each([&](const int* item) { EXPECT_EQ(item, &items[seen++]); });
  for (int& item : items) ASSERT_EQ(queue.pop(), &item);
  EXPECT_TRUE(queue.empty());
}

bool memory_is_there = true;

template <typename T>
struct ScarceMemory : std::allocator<T> {
  template <typename Other>
  struct rebind {
    using other = ScarceMemory<Other>;
  };
  T* allocate(std::size_t count) {
    if (!memory_is_there) throw std::bad_alloc();
    return std::allocator<T>::allocate(count);
  }
};

TEST(ReadyQueue, WithoutMemoryItRefusesAndKeepsWhatItHas) {
  std::vector<int> items(65);
  ReadyQueue<int, ScarceMemory<int*>> queue;
  memory_is_there = false;
  for (int& item : items) EXPECT_EQ(queue.push(&item), &item != &items.back());
  memory_is_there = true;
  EXPECT_TRUE(queue.push(&items.back()));
  for (const int& item : items) EXPECT_EQ(queue.pop(), &item);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace data_bridge::pyloop
