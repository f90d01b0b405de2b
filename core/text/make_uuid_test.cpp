// Version, variant, order and uniqueness of the identifiers.
#include "text/make_uuid.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace data_bridge::text {
namespace {

TEST(Uuid, HasTheFormOfRfc9562) {
  for (const auto& [id, version] : {std::pair(make_uuid7(), '7'), std::pair(make_uuid4(), '4')}) {
    ASSERT_EQ(id.size(), 36U);
    EXPECT_EQ(id[14], version);
    EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
    for (std::size_t i = 0; i < id.size(); ++i) {
      const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
      EXPECT_EQ(id[i] == '-', dash) << id;
      EXPECT_TRUE(dash || std::string("0123456789abcdef").find(id[i]) != std::string::npos) << id;
    }
  }
}

TEST(Uuid4, IsAnotherEachTimeInEveryBitThatIsRandom) {
  std::set<std::string> made;
  std::vector<std::set<char>> seen(36);
  for (int i = 0; i < 2000; ++i) {
    const std::string id = make_uuid4();
    made.insert(id);
    for (std::size_t at = 0; at < id.size(); ++at) seen[at].insert(id[at]);
  }
  EXPECT_EQ(made.size(), 2000U);
  for (std::size_t at = 0; at < seen.size(); ++at) {
    const bool fixed = at == 8 || at == 13 || at == 14 || at == 18 || at == 23;
    const std::size_t values = fixed ? 1 : 16;
    EXPECT_EQ(seen[at].size(), at == 19 ? 4U : values) << at;
  }
}

TEST(Uuid7, CarriesTheTimeInMilliseconds) {
  const auto before =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  const std::string id = make_uuid7();
  const auto after =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  const auto stamp = std::stoll(id.substr(0, 8) + id.substr(9, 4), nullptr, 16);
  EXPECT_GE(stamp, before);
  EXPECT_LE(stamp, after + 1);
}

TEST(Uuid7, IncreasesWithinAThreadAndIsUniqueAcrossThreads) {
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kEach = 20'000;
  std::vector<std::vector<std::string>> made(kThreads);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : made) {
      threads.emplace_back([&mine] {
        for (std::size_t i = 0; i < kEach; ++i) {
          mine.push_back(make_uuid7());
        }
      });
    }
  }
  std::set<std::string> all;
  for (const auto& mine : made) {
    for (std::size_t i = 1; i < mine.size(); ++i) {
      ASSERT_LT(mine[i - 1], mine[i]);
    }
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all.size(), kThreads * kEach);
}

}  // namespace
}  // namespace data_bridge::text
