// Which URLs are those of a store.
#include "crud/open_store.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "crud/test_support.hpp"

namespace data_bridge::crud {
namespace {

using storage::Errc;

Errc refusal(std::string_view url, const StoreOptions& options = {}) {
  const auto store = open_store(url, options);
  return store ? Errc::kInternal : store.error().code;
}

TEST(OpenStoreTest, OtherUrlsAreRefused) {
  for (const char* url : {"", "shop.db", "sqlite", "postgres://host/db", "sqlite://shop.db", "sqlite:///",
                          "sqlite://:memory:", "sqlite:///:memory:", "sqlite:///shop.db?mode=ro"}) {
    EXPECT_EQ(refusal(url), Errc::kInvalidArgument) << url;
  }
}

TEST(OpenStoreTest, APathIsPercentEncoded) {
  const TemporaryStore other;
  const auto store = open_store("sqlite:///" + other.directory().string() + "/a%20b.db");
  ASSERT_TRUE(store.has_value());
  EXPECT_TRUE(std::filesystem::exists(other.directory() / "a b.db"));
  (*store)->close();
}

TEST(OpenStoreTest, MemoryIsOfOneProcess) {
  const auto store = open_store("sqlite://");
  ASSERT_TRUE(store.has_value());
  (*store)->close();
  EXPECT_EQ(refusal("sqlite://", {.shared_with_processes = true}), Errc::kInvalidArgument);
  EXPECT_FALSE(check_store("sqlite://").has_value());
}

TEST(OpenStoreTest, TheTestStoreIsThereWhereItWasBuilt) {
  const auto store = open_store("later://OpenStoreTest?delay=0");
  EXPECT_EQ(store.has_value(), kHasTestStore);
  if (store) (*store)->close();
  for (const char* url : {"later://", "later://?delay=1", "later://a?", "later://a?delay=", "later://a?delay=-1",
                          "later://a?delay=99999999999", "later://a?other=1"}) {
    EXPECT_EQ(refusal(url), Errc::kInvalidArgument) << url;
  }
  EXPECT_EQ(refusal("later://a", {.shared_with_processes = true}), Errc::kInvalidArgument);
}

}  // namespace
}  // namespace data_bridge::crud
