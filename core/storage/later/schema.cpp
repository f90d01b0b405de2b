// Brings a table to what its model needs, or says why it cannot.
#include "storage/later/schema.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace data_bridge::storage::later {
namespace {

std::unexpected<Error> mismatch(const Table& table, const std::string& detail) {
  return std::unexpected(
      Error{Errc::kSchemaMismatch, {}, "table \"" + table.name + "\" does not fit its model: " + detail});
}

Status check_names(const Table& table) {
  const auto is_name = [](const std::string& name) { return !name.empty() && !name.contains('\0'); };
  if (is_name(table.name) && std::ranges::all_of(table.columns, is_name, &Column::name)) return {};
  return std::unexpected(Error{Errc::kInvalidArgument, {}, "a table and its fields need names without NUL"});
}

bool has_default(const Column& column) noexcept { return column.default_value && column.default_value->index() != 0; }

/// What has to be done to a table, found before anything is done.
struct Changes {
  std::vector<Column> columns;
  std::vector<UniqueIndex> unique;
};

class Comparison {
 public:
  Comparison(const StoredTable& stored, const Table& table) noexcept : stored_(stored), table_(table) {}

  std::expected<Mount, Error> compare(Changes& changes) const {
    Mount result;
    for (std::size_t at = 0; at < table_.columns.size(); ++at) {
      const Column& column = table_.columns[at];
      const auto known = std::ranges::find(stored_.columns, column.name, &Column::name);
      const auto place = static_cast<std::size_t>(known - stored_.columns.begin());
      const std::string subject = "column \"" + column.name + "\" ";
      if ((at == table_.key_column) != (place == stored_.key_column))
        return mismatch(table_, subject + "is the key on one side only");
      if (known == stored_.columns.end()) {
        if (!table_.migrate) return mismatch(table_, "it has no " + subject);
        if (!column.nullable && !has_default(column)) return mismatch(table_, subject + "cannot be added");
        result.places.push_back(stored_.columns.size() + changes.columns.size());
        changes.columns.push_back(column);
        continue;
      }
      const bool is_key = at == table_.key_column;
      if (known->kind != column.kind) return mismatch(table_, subject + "is of another kind");
      if (is_not_null(*known, is_key, stored_.key_kind) != is_not_null(column, is_key, table_.key_kind)) {
        return mismatch(table_, subject + "takes NULL, or does not");
      }
      result.places.push_back(place);
    }
    if (auto checked = check_others(); !checked) return std::unexpected(std::move(checked.error()));
    for (const auto& group : table_.unique) {
      if (auto added = compare_unique(group, result.places, changes); !added) {
        return std::unexpected(std::move(added.error()));
      }
    }
    return result;
  }

 private:
  // In somebody else's table there may be what an item can do without.
  Status check_others() const {
    for (const Column& column : stored_.columns) {
      const bool is_known = std::ranges::find(table_.columns, column.name, &Column::name) != table_.columns.end();
      if (!is_known && (table_.migrate || (!column.nullable && !has_default(column)))) {
        return mismatch(table_, "it has a column \"" + column.name + "\" that the model has not");
      }
    }
    return {};
  }

  Status compare_unique(const std::vector<std::size_t>& group, const std::vector<std::size_t>& places,
                        Changes& changes) const {
    UniqueIndex index({});
    for (const std::size_t column : group) index.columns.push_back(places[column]);
    if (std::ranges::find(stored_.unique, index.columns, &UniqueIndex::columns) != stored_.unique.end()) return {};
    if (!table_.migrate) return mismatch(table_, "values that should occur once may occur twice");
    std::vector<Column> columns = stored_.columns;
    columns.insert(columns.end(), changes.columns.begin(), changes.columns.end());
    for (const auto& [key, row] : stored_.rows) {
      Row longer = *row;
      for (const Column& column : changes.columns) longer.push_back(column.default_value.value_or(Cell()));
      auto entry = index.entry(longer, columns);
      if (entry && !index.keys.emplace(std::move(*entry), key).second) {
        return mismatch(table_, "its items already hold equal values where they should be unique");
      }
    }
    changes.unique.push_back(std::move(index));
    return {};
  }

  const StoredTable& stored_;
  const Table& table_;
};

void apply(StoredTable& stored, Changes changes) {
  if (!changes.columns.empty()) {
    for (auto& [key, row] : stored.rows) {
      Row longer = *row;
      for (const Column& column : changes.columns) longer.push_back(column.default_value.value_or(Cell()));
      row = std::make_shared<const Row>(std::move(longer));
    }
  }
  std::ranges::move(changes.columns, std::back_inserter(stored.columns));
  std::ranges::move(changes.unique, std::back_inserter(stored.unique));
}

}  // namespace

bool is_not_null(const Column& column, bool is_key, KeyKind key_kind) noexcept {
  if (is_key) return key_kind != KeyKind::kInt;
  return !column.nullable && column.kind != ColumnKind::kReal;
}

std::expected<Mount, Error> mount(Database& database, const Table& table) {
  if (auto checked = check_names(table); !checked) return std::unexpected(std::move(checked.error()));
  const std::lock_guard turn(database.writing);
  const std::lock_guard lock(database.mutex);
  std::shared_ptr<StoredTable> stored;
  if (const auto known = database.tables.find(table.name); known != database.tables.end()) {
    stored = known->second;
  } else if (table.migrate) {
    stored = std::make_shared<StoredTable>();
    stored->columns = table.columns;
    stored->key_column = table.key_column;
    stored->key_kind = table.key_kind;
    stored->uuid_version = table.uuid_version;
  } else {
    return mismatch(table, "there is no such table");
  }
  Changes changes;
  auto result = Comparison(*stored, table).compare(changes);
  if (!result) return result;
  apply(*stored, std::move(changes));
  database.tables[table.name] = stored;
  result->table = std::move(stored);
  return result;
}

}  // namespace data_bridge::storage::later
