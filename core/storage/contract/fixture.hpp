// The tests of what storage/store.hpp promises, the same for every store.
//
//     INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(StoreKind{...}));
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "storage/contract/test_support.hpp"
#include "storage/contract/things.hpp"
#include "storage/limits.hpp"

namespace data_bridge::storage::contract {

struct StoreKind {
  std::string name;
  /// The store at `place`, a path of a file in a directory; once more after it was closed it has its rows again.
  std::function<std::shared_ptr<Store>(const std::string& place, const Limits& limits)> open;
  bool keeps = true;  ///< false: what it has goes with it

  friend void PrintTo(const StoreKind& kind, std::ostream* to) { *to << kind.name; }
};

class StoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  using Ids = std::vector<std::int64_t>;

  StoreContract() {
    std::string pattern = (std::filesystem::temp_directory_path() / "data_bridge_XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    store_ = open();
  }
  ~StoreContract() override {
    if (store_ != nullptr) store_->close();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  [[nodiscard]] std::shared_ptr<Store> open(const std::string& name = "test.db", const Limits& limits = {}) const {
    return GetParam().open((std::filesystem::path(directory_) / name).string(), limits);
  }
  void open_again() {
    if (!GetParam().keeps) return;
    store_->close();
    store_ = open();
  }

  std::int64_t add(Collection& items, Row row) {
    const auto added = insert(*store_, items, std::move(row));
    EXPECT_TRUE(added.has_value()) << added.error().detail;
    return added ? std::get<std::int64_t>((*added)[kId]) : 0;
  }

  static Ids ids(Collection& items, const ListQuery& query) {
    const Found found = wait_for_list(items, query);
    EXPECT_TRUE(found.count.has_value()) << found.count.error().detail;
    Ids result;
    for (const Row& row : found.rows) result.push_back(std::get<std::int64_t>(row[kId]));
    return result;
  }

  /// By key. To a count and to a write there is what there is to a list.
  Ids where(Collection& items, const Condition& condition) {
    const ListQuery query{.condition = condition, .limit = 1000, .wants_total = true};
    const Found found = wait_for_list(items, query);
    EXPECT_EQ(found.count.value_or(12345), found.rows.size());
    const Ids result = ids(items, query);
    const auto held = submit(*store_, [&](WriteTransaction& transaction) -> Status {
                        const auto holds = transaction.holds(items, condition);
                        EXPECT_EQ(holds.value_or(result.empty()), !result.empty());
                        return {};
                      }).get();
    EXPECT_TRUE(held.has_value());
    return result;
  }

  std::string directory_;
  std::shared_ptr<Store> store_;
};

}  // namespace data_bridge::storage::contract
