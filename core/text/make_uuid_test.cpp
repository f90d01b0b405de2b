// Version, variant, order and uniqueness of the identifiers.
#include "text/make_uuid.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <thread>
#include <vector>

namespace data_bridge::text {
namespace {

class MakeUuid : public testing::TestWithParam<int> {};

TEST_P(MakeUuid, HasTheFormOfRfc9562) {
  const auto version = static_cast<std::uint8_t>(GetParam());
  ASSERT_TRUE(can_make_uuid(version));
  const std::string id = make_uuid(version);
  ASSERT_EQ(id.size(), 36U);
  EXPECT_EQ(id[14], static_cast<char>('0' + version));
  EXPECT_NE(make_uuid(version), id);
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
  for (std::size_t i = 0; i < id.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    EXPECT_EQ(id[i] == '-', dash) << id;
    EXPECT_TRUE(dash || std::string("0123456789abcdef").find(id[i]) != std::string::npos) << id;
  }
}

INSTANTIATE_TEST_SUITE_P(OfEachVersion, MakeUuid, testing::Values(1, 4, 6, 7, 8));

TEST(Uuid, OfNamesAreNotMade) {
  EXPECT_FALSE(can_make_uuid(2));
  EXPECT_FALSE(can_make_uuid(3));
  EXPECT_FALSE(can_make_uuid(5));
  EXPECT_FALSE(can_make_uuid(9));
}

// The times of versions 1 and 6 are the same 60 bits of 100 ns since 1582, in another order.
TEST(Uuid, CarriesTheTimeSinceTheGregorianCalendar) {
  const auto ticks = [](const std::string& low, const std::string& middle, const std::string& high) {
    return std::stoll(high + middle + low, nullptr, 16);
  };
  const std::string first = make_uuid(1);
  const std::string sixth = make_uuid(6);
  const auto of_first = ticks(first.substr(0, 8), first.substr(9, 4), first.substr(15, 3));
  const auto of_sixth = ticks(sixth.substr(15, 3), sixth.substr(9, 4), sixth.substr(0, 8));
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  for (const auto tick : {of_first, of_sixth}) {
    EXPECT_NEAR(static_cast<double>(tick / 10'000'000 - 12'219'292'800), static_cast<double>(now), 5);
  }
  EXPECT_LT(of_first, of_sixth);
  EXPECT_LT(sixth, make_uuid(6));
  for (const auto& id : {first, sixth}) {
    EXPECT_EQ(std::stoi(id.substr(24, 2), nullptr, 16) & 1, 1) << "the node is no card's";
  }
}

TEST(Uuid7, CarriesTheTimeInMilliseconds) {
  const auto before =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  const std::string id = make_uuid(7);
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
          mine.push_back(make_uuid(7));
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
