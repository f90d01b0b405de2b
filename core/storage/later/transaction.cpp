// The steps of a write, kept beside the database until all of them are done.
#include "storage/later/transaction.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "storage/later/collection.hpp"
#include "storage/later/condition.hpp"
#include "text/make_uuid.hpp"

namespace data_bridge::storage::later {
namespace {

const Mount& mount_of(const Collection& collection) noexcept {
  // A store gets only the collections that it made.
  return static_cast<const LaterCollection&>(collection).mounted();
}

bool fits(ColumnKind kind, const Cell& cell) noexcept {
  switch (kind) {
    case ColumnKind::kInteger:
      return std::holds_alternative<std::int64_t>(cell);
    case ColumnKind::kBoolean:
      return cell == Cell(std::int64_t{0}) || cell == Cell(std::int64_t{1});
    case ColumnKind::kReal:
      return std::holds_alternative<double>(cell) || std::holds_alternative<std::int64_t>(cell);
    default:
      return std::holds_alternative<std::string>(cell);
  }
}

// A NaN has no place in an order.
Cell stored_cell(const Cell& cell) {
  const auto* const real = std::get_if<double>(&cell);
  return real != nullptr && std::isnan(*real) ? Cell() : cell;
}

Error conflict(const StoredTable& table, const std::vector<std::size_t>& columns) {
  Error error{Errc::kConflict, {}, "another item has the same values"};
  for (const std::size_t column : columns) error.fields.push_back(table.columns[column].name);
  return error;
}

// What the columns that a mount has not are in an item that it makes.
Row defaults_of(const StoredTable& table) {
  Row row;
  for (const Column& column : table.columns) row.push_back(column.default_value.value_or(Cell()));
  return row;
}

void write_into(Row& stored, const Mount& mount, const Row& row) {
  for (std::size_t at = 0; at < row.size(); ++at) stored[mount.places[at]] = stored_cell(row[at]);
}

// With the key assigned: no kind of key is NULL then.
Status check_values(const StoredTable& table, const Row& row) {
  for (std::size_t at = 0; at < row.size(); ++at) {
    const Column& column = table.columns[at];
    const bool is_key = at == table.key_column;
    const bool is_null = row[at].index() == 0;
    const bool is_taken = is_null ? !is_not_null(column, is_key, KeyKind::kString) : fits(column.kind, row[at]);
    if (!is_taken)
      return std::unexpected(Error{Errc::kRejected, {}, "column \"" + column.name + "\" takes no such value"});
  }
  return {};
}

}  // namespace

Transaction::Changes& Transaction::changes_of(StoredTable& table) {
  return changes_.try_emplace(&table, Changes{.rows = {}, .last_key = table.last_key}).first->second;
}

Stored Transaction::find(StoredTable& table, const Key& key) {
  const Rows& changed = changes_of(table).rows;
  if (const auto known = changed.find(key); known != changed.end()) return known->second;
  const auto known = table.rows.find(key);
  return known == table.rows.end() ? nullptr : known->second;
}

void Transaction::for_each(StoredTable& table, const std::function<bool(const Key&, const Row&)>& each) {
  const Rows& changed = changes_of(table).rows;
  for (const auto& [key, row] : table.rows) {
    if (!changed.contains(key) && !each(key, *row)) return;
  }
  for (const auto& [key, row] : changed) {
    if (row != nullptr && !each(key, *row)) return;
  }
}

Status Transaction::assign_key(StoredTable& table, Cell& key) {
  const bool is_absent = key.index() == 0;
  if (is_absent && table.key_kind == KeyKind::kUuid) key = text::make_uuid(table.uuid_version);
  if (table.key_kind != KeyKind::kInt) return {};
  std::int64_t& last = changes_of(table).last_key;
  if (!is_absent) {
    const auto* const given = std::get_if<std::int64_t>(&key);
    if (given != nullptr && *given <= kLastAssigned) last = std::max(last, *given);
    return {};
  }
  if (last == kLastAssigned)
    return std::unexpected(Error{Errc::kKeysExhausted, {}, "no integer key is left to assign"});
  key = ++last;
  return {};
}

Status Transaction::check_unique(StoredTable& table, const Key& key, const Row& row) {
  const Rows& changed = changes_of(table).rows;
  for (const UniqueIndex& index : table.unique) {
    const auto entry = index.entry(row, table.columns);
    if (!entry) continue;
    const auto known = index.keys.find(*entry);
    const bool is_taken = known != index.keys.end() && known->second != key && !changed.contains(known->second);
    const bool is_taken_here = std::ranges::any_of(changed, [&](const auto& other) {
      if (other.first == key || other.second == nullptr) return false;
      const auto there = index.entry(*other.second, table.columns);
      return there && !RowLess()(*there, *entry) && !RowLess()(*entry, *there);
    });
    if (is_taken || is_taken_here) return std::unexpected(conflict(table, index.columns));
  }
  return {};
}

std::expected<bool, Error> Transaction::get(Collection& collection, const Key& key, RowVisitor& visitor) {
  const Mount& mount = mount_of(collection);
  const Stored row = find(*mount.table, key);
  if (row == nullptr) return false;
  show(Item(*row, mount.places), {}, visitor);
  return true;
}

std::expected<bool, Error> Transaction::holds(Collection& collection, const Condition& condition) {
  const Mount& mount = mount_of(collection);
  bool found = false;
  for_each(*mount.table, [&](const Key&, const Row& row) {
    found = later::holds(condition, Item(row, mount.places));
    return !found;
  });
  return found;
}

Status Transaction::insert(Collection& collection, Row& row) {
  const Mount& mount = mount_of(collection);
  StoredTable& table = *mount.table;
  const std::int64_t last_key = changes_of(table).last_key;
  Row whole = defaults_of(table);
  write_into(whole, mount, row);
  Cell& cell = whole[table.key_column];
  const auto fail = [&](Error error) {
    changes_of(table).last_key = last_key;
    return std::unexpected(std::move(error));
  };
  if (auto assigned = assign_key(table, cell); !assigned) return fail(std::move(assigned.error()));
  if (auto checked = check_values(table, whole); !checked) return fail(std::move(checked.error()));
  const Key key = to_key(cell);
  if (find(table, key) != nullptr) return fail(conflict(table, {table.key_column}));
  if (auto checked = check_unique(table, key, whole); !checked) return fail(std::move(checked.error()));
  row[collection.table().key_column] = cell;
  changes_of(table).rows.insert_or_assign(key, std::make_shared<const Row>(std::move(whole)));
  return {};
}

std::expected<bool, Error> Transaction::replace(Collection& collection, const Key& key, const Row& row) {
  const Mount& mount = mount_of(collection);
  StoredTable& table = *mount.table;
  const Stored before = find(table, key);
  if (before == nullptr) return false;
  Row whole = *before;
  write_into(whole, mount, row);
  auto checked = check_values(table, whole);
  if (checked) checked = check_unique(table, key, whole);
  if (!checked) return std::unexpected(std::move(checked.error()));
  changes_of(table).rows.insert_or_assign(key, std::make_shared<const Row>(std::move(whole)));
  return true;
}

std::expected<bool, Error> Transaction::remove(Collection& collection, const Key& key) {
  StoredTable& table = *mount_of(collection).table;
  if (find(table, key) == nullptr) return false;
  changes_of(table).rows.insert_or_assign(key, nullptr);
  return true;
}

Status Transaction::remove_some(Collection& collection, const Condition& condition, std::size_t limit) {
  const Mount& mount = mount_of(collection);
  std::vector<Key> found;
  for_each(*mount.table, [&](const Key& key, const Row& row) {
    if (found.size() < limit && later::holds(condition, Item(row, mount.places))) found.push_back(key);
    return found.size() < limit;
  });
  for (const Key& key : found) changes_of(*mount.table).rows.insert_or_assign(key, nullptr);
  return {};
}

Status Transaction::attempt(const std::function<Status()>& steps) {
  const auto before = changes_;
  auto done = steps();
  if (!done) changes_ = before;
  return done;
}

void Transaction::commit(Database& database) const {
  const std::lock_guard lock(database.mutex);
  for (const auto& [table, changes] : changes_) {
    for (const auto& [key, row] : changes.rows) table->put(key, row);
    table->last_key = changes.last_key;
  }
}

}  // namespace data_bridge::storage::later
