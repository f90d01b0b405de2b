// A store by its URL.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/limits.hpp"
#include "storage/sqlite/maintenance.hpp"
#include "storage/sqlite/migration.hpp"
#include "storage/store.hpp"

namespace data_bridge::crud {

struct StoreOptions {
  /// True where other processes serve the same database.
  bool shared_with_processes = false;
  storage::Limits limits{};
};

/// Whether open_store() knows `later://NAME?delay=MILLISECONDS`, a store of the tests: see
/// storage/later/later_store.hpp.
#ifdef DATA_BRIDGE_TEST_STORE
constexpr bool kHasTestStore = true;
#else
constexpr bool kHasTestStore = false;
#endif

/// `sqlite:///relative.db`, `sqlite:////absolute.db`, the path percent-encoded; `sqlite://`, which is memory and empty
/// each time. kInvalidArgument for any other URL.
[[nodiscard]] std::expected<std::shared_ptr<storage::Store>, storage::Error> open_store(
    std::string_view url, const StoreOptions& options = {});

/// A copy of the store's database in the file `target`, to be made step by step.
[[nodiscard]] std::expected<storage::sqlite::Backup, storage::Error> back_up_store(std::string_view url,
                                                                                   const std::string& target);
/// What is wrong with the store's database; nothing where it is whole.
[[nodiscard]] std::expected<std::vector<std::string>, storage::Error> check_store(std::string_view url);

/// What would be done to the store's tables of these resources, see storage::sqlite::plan_migration().
[[nodiscard]] std::expected<std::vector<storage::sqlite::TablePlan>, storage::Error> plan_store(
    std::string_view url, const std::vector<storage::Table>& tables, const storage::sqlite::MigrationConsent& consent);
/// Does it, see storage::sqlite::migrate().
[[nodiscard]] std::expected<std::vector<storage::sqlite::TablePlan>, storage::Error> migrate_store(
    std::string_view url, const std::vector<storage::Table>& tables, const storage::sqlite::MigrationConsent& consent);

}  // namespace data_bridge::crud
