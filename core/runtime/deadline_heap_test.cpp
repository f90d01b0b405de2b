// DeadlineHeap against a sorted list.
#include "runtime/deadline_heap.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace data_bridge::runtime {
namespace {

struct Item {
  double when;
  int order;
  bool dropped = false;
};

TEST(DeadlineHeap, EqualDeadlinesKeepTheOrderOfPush) {
  std::vector<Item> items(100, Item{1.0, 0});
  DeadlineHeap<double, Item*> heap;
  for (Item& item : items) heap.push(item.when, &item);
  for (Item& item : items) EXPECT_EQ(heap.pop(), &item);
  EXPECT_TRUE(heap.empty());
}

TEST(DeadlineHeap, PopIfLastTakesOnlyTheLastLeaf) {
  Item early{1.0, 0};
  Item late{2.0, 1};
  DeadlineHeap<double, Item*> heap;
  heap.push(early.when, &early);
  heap.push(late.when, &late);
  EXPECT_FALSE(heap.pop_if_last(&early));
  EXPECT_TRUE(heap.pop_if_last(&late));
  EXPECT_TRUE(heap.pop_if_last(&early));
  EXPECT_FALSE(heap.pop_if_last(&early));
}

// Pushes, pops and sweeps in random order; what comes out is always the least by (deadline, order).
TEST(DeadlineHeap, MatchesASortedList) {
  std::mt19937 random(7);
  for (int size : {1, 2, 3, 4, 5, 17, 100, 1000}) {
    std::vector<Item> items;
    items.reserve(static_cast<std::size_t>(size));
    DeadlineHeap<double, Item*> heap;
    for (int i = 0; i < size; ++i) {
      items.push_back({static_cast<double>(random() % 50), i});
      heap.push(items.back().when, &items.back());
    }
    for (Item& item : items) item.dropped = random() % 3 == 0;
    std::vector<Item*> taken;
    heap.take_if([](const Item* item) { return item->dropped; }, taken);
    EXPECT_TRUE(std::ranges::all_of(taken, &Item::dropped));
    EXPECT_EQ(taken.size() + heap.size(), items.size());

    std::vector<const Item*> expected;
    for (const Item& item : items) {
      if (!item.dropped) expected.push_back(&item);
    }
    std::ranges::sort(expected, [](const Item* a, const Item* b) {
      return std::pair(a->when, a->order) < std::pair(b->when, b->order);
    });
    ASSERT_EQ(heap.size(), expected.size());
    for (const Item* item : expected) {
      ASSERT_EQ(heap.next_deadline(), item->when);
      ASSERT_EQ(heap.pop(), item);
    }
  }
}

// What a heap tells of places is where remove() finds the items, whatever was pushed, popped and removed before.
TEST(DeadlineHeap, RemovesFromTheMiddleByThePlacesItTells) {
  struct Placed {
    std::map<int, std::size_t>* places;
    void operator()(int item, std::size_t place) const { (*places)[item] = place; }
  };
  std::mt19937 random(13);
  std::map<int, std::size_t> places;
  DeadlineHeap<int, int, Placed> heap(Placed{&places});
  std::set<std::pair<int, int>> expected;  // deadline, item: items are numbered in the order of push()
  for (int item = 0; item < 5'000; ++item) {
    const int when = static_cast<int>(random() % 64);
    heap.push(when, item);
    expected.emplace(when, item);
    while (expected.size() > 200 || (!expected.empty() && random() % 3 == 0)) {
      if (random() % 2 == 0) {
        ASSERT_EQ(heap.next_deadline(), expected.begin()->first);
        ASSERT_EQ(heap.pop(), expected.begin()->second);
        expected.erase(expected.begin());
      } else {
        auto victim = expected.begin();
        std::advance(victim, random() % expected.size());
        heap.remove(places.at(victim->second));
        expected.erase(victim);
      }
    }
    ASSERT_EQ(heap.size(), expected.size());
  }
  for (const auto& [when, item] : expected) ASSERT_EQ(heap.pop(), item) << when;
  EXPECT_TRUE(heap.empty());
}

}  // namespace
}  // namespace data_bridge::runtime
