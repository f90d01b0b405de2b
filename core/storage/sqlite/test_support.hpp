// What the tests of the SQLite store share: a directory that goes away, jobs made of lambdas, rows as vectors.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/contract/test_support.hpp"
#include "storage/reading.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace data_bridge::storage::sqlite {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "data_bridge_XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

using contract::LambdaJob;
using contract::open_table;

inline std::future<Status> submit(Store& store, LambdaJob::Execute execute, bool steps = false) {
  return contract::submit(store, std::move(execute), nullptr, steps);
}

/// Inserts and waits; the row as stored, with its key.
inline std::expected<Row, Error> insert(Store& store, Collection& collection, Row row) {
  auto done = submit(store, [&](WriteTransaction& transaction) { return transaction.insert(collection, row); }).get();
  if (!done) {
    return std::unexpected(done.error());
  }
  return row;
}

/// Copies rows as the store has them.
class CopyRows final : public RowVisitor {
 public:
  explicit CopyRows(const Table& table) : table_(table) {}
  bool on_row(RowView view) override {
    Row row;
    EXPECT_EQ(view.size(), table_.columns.size());
    for (const CellView& cell : view) row.push_back(to_cell(cell));
    rows.push_back(std::move(row));
    return true;
  }
  std::vector<Row> rows;

 private:
  const Table& table_;
};

inline std::optional<Row> get(Collection& collection, const Key& key, runtime::Reactor* reactor = nullptr) {
  CopyRows rows(collection.table());
  auto found = wait_for_get(collection, key, rows, reactor);
  EXPECT_TRUE(found.has_value()) << found.error().detail;
  return found && *found ? std::optional(rows.rows.at(0)) : std::nullopt;
}

inline std::vector<Row> list(Collection& collection, ListQuery query) {
  CopyRows rows(collection.table());
  auto done = wait_for_list(collection, query, rows);
  EXPECT_TRUE(done.has_value()) << done.error().detail;
  return rows.rows;
}

/// How many items there are for which `condition` holds.
inline std::expected<std::uint64_t, Error> count(Collection& collection, const std::optional<Condition>& condition) {
  CopyRows none(collection.table());
  return wait_for_list(collection, {.condition = condition, .wants_total = true}, none);
}

/// id INTEGER, name TEXT, price REAL.
inline Table products() {
  Table table;
  table.name = "products";
  table.columns = {Column{.name = "id", .kind = ColumnKind::kInteger, .nullable = true, .default_value = {}},
                   Column{.name = "name", .kind = ColumnKind::kText, .nullable = false, .default_value = {}},
                   Column{.name = "price", .kind = ColumnKind::kReal, .nullable = false, .default_value = {}}};
  return table;
}

inline std::shared_ptr<SqliteStore> open_store(const std::string& path, const Options& options = {}) {
  auto store = SqliteStore::open(path, options);
  EXPECT_TRUE(store.has_value()) << (store ? "" : store.error().detail);
  return store ? *store : nullptr;
}

}  // namespace data_bridge::storage::sqlite
