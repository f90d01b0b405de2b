// Which name was meant.
#include "crud/nearest.hpp"

#include <gtest/gtest.h>

#include <string>

namespace data_bridge::crud {
namespace {

TEST(Nearest, TakesTheFewestChanges) {
  EXPECT_EQ(nearest("prize", {"name", "price", "size"}), "price");
  EXPECT_EQ(nearest("naem", {"price", "name"}), "name");
  EXPECT_EQ(nearest("x", {"abc", "xy", "y"}), "xy");  // the first of those with one change
  EXPECT_EQ(nearest("", {"abc", "a"}), "a");
  EXPECT_EQ(nearest("anything", {}), "");
  EXPECT_EQ(nearest(std::string(100'000, 'a'), {"b", "aaaa"}), "aaaa");
}

}  // namespace
}  // namespace data_bridge::crud
