// The rows themselves: what outlives a store that is closed.
#include "storage/later/database.hpp"

#include <utility>

#include "storage/value_order.hpp"

namespace data_bridge::storage::later {

std::optional<Row> UniqueIndex::entry(const Row& row, const std::vector<Column>& of_table) const {
  Row entry;
  for (const std::size_t column : columns) {
    entry.push_back(order_value(of_table[column].kind, row[column]));
    if (entry.back().index() == 0) return std::nullopt;
  }
  return entry;
}

void StoredTable::put(const Key& key, Stored row) {
  const auto before = rows.find(key);
  for (UniqueIndex& index : unique) {
    if (before == rows.end()) break;
    const auto entry = index.entry(*before->second, columns);
    const auto known = entry ? index.keys.find(*entry) : index.keys.end();
    // Within one transaction another item may have taken the value over already.
    if (known != index.keys.end() && known->second == key) index.keys.erase(known);
  }
  if (row == nullptr) {
    rows.erase(key);
    return;
  }
  for (UniqueIndex& index : unique) {
    if (auto entry = index.entry(*row, columns)) index.keys.insert_or_assign(std::move(*entry), key);
  }
  rows.insert_or_assign(key, std::move(row));
}

std::shared_ptr<Database> database_of(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<Database>> databases;
  const std::lock_guard lock(mutex);
  std::shared_ptr<Database>& database = databases[name];
  if (database == nullptr) database = std::make_shared<Database>();
  return database;
}

}  // namespace data_bridge::storage::later
