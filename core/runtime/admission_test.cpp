#include "runtime/admission.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace data_bridge::runtime {
namespace {

TEST(Admission, RefusesAboveItsBoundOfItems) {
  Admission admission({.items = 2});
  EXPECT_TRUE(admission.enter(10));
  EXPECT_TRUE(admission.enter(10));
  EXPECT_FALSE(admission.enter(10));
  EXPECT_EQ(admission.refused(), 1U);
  admission.leave(10);
  EXPECT_TRUE(admission.enter(10));
  EXPECT_EQ(admission.items(), 2U);
  EXPECT_EQ(admission.bytes(), 20U);
}

TEST(Admission, RefusesAboveItsBoundOfBytes) {
  Admission admission({.bytes = 100});
  EXPECT_TRUE(admission.enter(60));
  EXPECT_FALSE(admission.enter(41));
  EXPECT_TRUE(admission.enter(40));
  EXPECT_EQ(admission.refused(), 1U);
}

TEST(Admission, LetsInWhatIsAlone) {
  Admission admission({.items = 4, .bytes = 100});
  EXPECT_TRUE(admission.enter(1000));
  EXPECT_FALSE(admission.enter(1));
}

TEST(Admission, WithoutABoundAllMayWait) {
  Admission admission({});
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(admission.enter(1U << 20U));
  EXPECT_EQ(admission.refused(), 0U);
}

TEST(Admission, CountsAcrossThreads) {
  Admission admission({.items = 100'000});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&admission] {
      for (int round = 0; round < 10'000; ++round) {
        if (admission.enter(3)) admission.leave(3);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(admission.items(), 0U);
  EXPECT_EQ(admission.bytes(), 0U);
}

}  // namespace
}  // namespace data_bridge::runtime
