// The rows themselves: what outlives a store that is closed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "storage/later/value.hpp"
#include "storage/row.hpp"
#include "storage/table.hpp"

namespace data_bridge::storage::later {

/// Shared by all who read it; never changed.
using Stored = std::shared_ptr<const Row>;
using Rows = std::map<Key, Stored>;

/// Columns whose values together occur once, and the items that have them. A NULL is like no other.
class UniqueIndex {
 public:
  explicit UniqueIndex(std::vector<std::size_t> places) : columns(std::move(places)) {}

  /// What `row` is found by; nullopt where it has a NULL.
  [[nodiscard]] std::optional<Row> entry(const Row& row, const std::vector<Column>& of_table) const;

  std::vector<std::size_t> columns;
  std::map<Row, Key, RowLess> keys;
};

/// Columns are added behind the others, and nothing is taken away: what a mount knows of places stays right.
struct StoredTable {
  std::vector<Column> columns;
  std::size_t key_column = 0;
  KeyKind key_kind = KeyKind::kInt;
  std::uint8_t uuid_version = 7;
  std::vector<UniqueIndex> unique;
  Rows rows;
  std::int64_t last_key = 0;  ///< the greatest that was assigned, or given where it was not from the far end

  /// With the entries of the indexes; `row` nullptr: without.
  void put(const Key& key, Stored row);
};

/// No key beyond is assigned, nor the start of those that are: a quarter of all integers is for keys that are given.
constexpr std::int64_t kLastAssigned = (std::int64_t{1} << 62) + (std::int64_t{1} << 61);

struct Database {
  /// Of the tables: shared by who reads, alone for who changes; never held while anybody else's code runs.
  std::shared_mutex mutex;
  /// Held by the one who writes, during the whole transaction. Before `mutex`.
  std::mutex writing;
  std::map<std::string, std::shared_ptr<StoredTable>> tables;
};

/// The database of this name, empty the first time that this process asks for it.
[[nodiscard]] std::shared_ptr<Database> database_of(const std::string& name);

}  // namespace data_bridge::storage::later
