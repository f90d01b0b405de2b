// A store by its URL.
#include "crud/open_store.hpp"

#include <chrono>
#include <cstdint>
#include <string>

#include "storage/sqlite/sqlite_store.hpp"
#include "text/percent.hpp"
#ifdef DATA_BRIDGE_TEST_STORE
#include "crud/plain_number.hpp"
#include "storage/later/later_store.hpp"
#endif

namespace data_bridge::crud {
namespace {

constexpr std::string_view kMemory = "sqlite://";

std::unexpected<storage::Error> invalid(std::string detail) {
  return std::unexpected(storage::Error{storage::Errc::kInvalidArgument, {}, std::move(detail)});
}

std::expected<std::string, storage::Error> path_of(std::string_view url) {
  constexpr std::string_view kSqlite = "sqlite://";
  if (!url.starts_with(kSqlite)) {
    return invalid("unknown kind of store: \"" + std::string(url) +
                   "\"; known are sqlite:///file, sqlite:////file and sqlite:// (memory)");
  }
  const std::string_view rest = url.substr(kSqlite.size());
  if (rest.empty()) {
    return invalid("\"" + std::string(url) + "\" is memory, which goes with its application: name a file");
  }
  if (!rest.starts_with('/') || rest.find_first_of("?#") != std::string_view::npos) {
    return invalid("\"" + std::string(url) + "\": write sqlite:///file, or sqlite:////file for an absolute path");
  }
  const std::string path = text::decode_path(rest.substr(1));
  if (path.empty() || path.starts_with(":memory:")) {
    return invalid("\"" + std::string(url) + "\": write sqlite:///file, or sqlite:// for a store in memory");
  }
  return path;
}

#ifdef DATA_BRIDGE_TEST_STORE
constexpr std::string_view kLater = "later://";

std::expected<std::shared_ptr<storage::Store>, storage::Error> open_test_store(std::string_view url,
                                                                               const StoreOptions& options) {
  if (options.shared_with_processes) return invalid("\"" + std::string(url) + "\": its rows belong to one process");
  const std::string_view rest = url.substr(kLater.size());
  const std::string_view name = rest.substr(0, rest.find('?'));
  storage::later::Options later{.limits = options.limits};
  if (name.size() != rest.size()) {
    constexpr std::string_view kDelay = "delay=";
    const std::string_view query = rest.substr(name.size() + 1);
    std::int32_t milliseconds = 0;
    if (!query.starts_with(kDelay) || !read_plain(query.substr(kDelay.size()), milliseconds)) {
      return invalid("\"" + std::string(url) + "\": write later://name, or later://name?delay=milliseconds");
    }
    later.timing.max_delay = std::chrono::milliseconds(milliseconds);
  }
  return storage::later::LaterStore::open(std::string(name), later);
}
#endif

}  // namespace

std::expected<std::shared_ptr<storage::Store>, storage::Error> open_store(std::string_view url,
                                                                          const StoreOptions& options) {
#ifdef DATA_BRIDGE_TEST_STORE
  if (url.starts_with(kLater)) return open_test_store(url, options);
#endif
  if (url == kMemory) {
    if (options.shared_with_processes) {
      return invalid("\"sqlite://\" is the memory of one process; with more workers name a file: sqlite:///file");
    }
    return storage::sqlite::SqliteStore::open_in_memory(options.limits);
  }
  auto path = path_of(url);
  if (!path) return std::unexpected(std::move(path.error()));
  return storage::sqlite::SqliteStore::open(*path,
                                            {.only_writer = !options.shared_with_processes, .limits = options.limits});
}

std::expected<storage::sqlite::Backup, storage::Error> back_up_store(std::string_view url, const std::string& target) {
  auto path = path_of(url);
  if (!path) return std::unexpected(std::move(path.error()));
  return storage::sqlite::Backup::begin(*path, target);
}

std::expected<std::vector<std::string>, storage::Error> check_store(std::string_view url) {
  auto path = path_of(url);
  if (!path) return std::unexpected(std::move(path.error()));
  return storage::sqlite::find_damage(*path);
}

std::expected<std::vector<storage::sqlite::TablePlan>, storage::Error> plan_store(
    std::string_view url, const std::vector<storage::Table>& tables, const storage::sqlite::MigrationConsent& consent) {
  auto path = path_of(url);
  if (!path) return std::unexpected(std::move(path.error()));
  return storage::sqlite::plan_migration(*path, tables, consent);
}

std::expected<std::vector<storage::sqlite::TablePlan>, storage::Error> migrate_store(
    std::string_view url, const std::vector<storage::Table>& tables, const storage::sqlite::MigrationConsent& consent) {
  auto path = path_of(url);
  if (!path) return std::unexpected(std::move(path.error()));
  return storage::sqlite::migrate(*path, tables, consent);
}

}  // namespace data_bridge::crud
