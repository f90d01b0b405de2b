// Brings a table to what its model needs, or says why it cannot.
#include "storage/sqlite/schema_sync.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace data_bridge::storage::sqlite {
namespace {

struct ExistingColumn {
  std::string name;
  std::string type;
  bool not_null = false;
  bool key = false;
};

struct ExistingTable {
  std::string kind;  // table, view
  std::string sql;
  std::vector<ExistingColumn> columns;
};

std::string text_of(sqlite3_stmt* statement, int column) { return std::string(read_cell(statement, column).text); }

std::unexpected<Error> mismatch(const Table& table, std::string detail) {
  return std::unexpected(
      Error{Errc::kSchemaMismatch, {}, "table \"" + table.name + "\" does not fit its model: " + std::move(detail)});
}

std::expected<std::optional<ExistingTable>, Error> read_table(SqlConnection& connection, const std::string& name) {
  auto find = connection.prepare("SELECT type, sql FROM sqlite_schema WHERE name=?1 COLLATE NOCASE AND type<>'index'");
  if (!find) {
    return std::unexpected(std::move(find.error()));
  }
  const Cell cell = name;
  if (bind_cell(find->get(), 1, cell) != SQLITE_OK) {
    return std::unexpected(connection.last_error());
  }
  switch (sqlite3_step(find->get())) {
    case SQLITE_DONE:
      return std::optional<ExistingTable>();
    case SQLITE_ROW:
      break;
    default:
      return std::unexpected(connection.last_error());
  }
  ExistingTable existing{.kind = text_of(find->get(), 0), .sql = text_of(find->get(), 1), .columns = {}};
  auto columns = connection.prepare("SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(?1) WHERE hidden=0");
  if (!columns) {
    return std::unexpected(std::move(columns.error()));
  }
  if (bind_cell(columns->get(), 1, cell) != SQLITE_OK) {
    return std::unexpected(connection.last_error());
  }
  int step = SQLITE_ROW;
  while ((step = sqlite3_step(columns->get())) == SQLITE_ROW) {
    existing.columns.push_back(ExistingColumn{.name = text_of(columns->get(), 0),
                                              .type = text_of(columns->get(), 1),
                                              .not_null = sqlite3_column_int(columns->get(), 2) != 0,
                                              .key = sqlite3_column_int(columns->get(), 3) != 0});
  }
  if (step != SQLITE_DONE) {
    return std::unexpected(connection.last_error());
  }
  return existing;
}

std::string describe(std::string_view type, bool not_null) { return std::string(type) + (not_null ? " NOT NULL" : ""); }

Status check_column(const Table& table, const ExistingColumn& existing, std::size_t at) {
  const std::string_view type = column_type(table.columns[at].kind);
  const bool key = at == table.key_column;
  if (existing.key != key) {
    return mismatch(table, "column \"" + existing.name + "\" is " + (existing.key ? "" : "not ") +
                               "its key, but for the model it is " + (key ? "" : "not"));
  }
  // The key is implicitly NOT NULL, with or without the words.
  const bool not_null = is_not_null(table, at);
  const bool fits = existing.type == type || (table.columns[at].kind == ColumnKind::kReal && existing.type == "REAL");
  if (!fits || (!key && existing.not_null != not_null)) {
    return mismatch(table, "column \"" + existing.name + "\" is " + describe(existing.type, existing.not_null) +
                               ", but the model needs " + describe(type, not_null));
  }
  return {};
}

Status add_missing_columns(SqlConnection& connection, const Table& table, const TableSql& sql,
                           const ExistingTable& existing) {
  if (existing.kind != "table") {
    return mismatch(table, "it is a " + existing.kind);
  }
  for (const ExistingColumn& column : existing.columns) {
    const auto known = std::ranges::find(sql.columns, column.name);
    if (known == sql.columns.end()) {
      return mismatch(table, "it has a column \"" + column.name + "\" that the model has not");
    }
    if (auto checked = check_column(table, column, static_cast<std::size_t>(known - sql.columns.begin())); !checked) {
      return checked;
    }
  }
  for (std::size_t at = 0; at < sql.columns.size(); ++at) {
    if (std::ranges::find(existing.columns, sql.columns[at], &ExistingColumn::name) != existing.columns.end()) {
      continue;
    }
    const Column& column = table.columns[at];
    const bool has_default = column.default_value && column.default_value->index() != 0;
    if (at == table.key_column || (!has_default && !column.nullable)) {
      return mismatch(table, "it has no column \"" + sql.columns[at] +
                                 "\", which cannot be added because the field is neither nullable nor has a default");
    }
    const std::string alter = "ALTER TABLE " + quote(table.name) + " ADD COLUMN " + sql.column_definitions[at];
    if (auto added = connection.execute(alter); !added) {
      return added;
    }
  }
  return {};
}

Status create_missing_indexes(SqlConnection& connection, const Table& table, const TableSql& sql) {
  for (const Index& index : sql.indexes) {
    auto find = connection.prepare("SELECT sql FROM sqlite_schema WHERE type='index' AND name=?1 COLLATE NOCASE");
    if (!find) {
      return std::unexpected(std::move(find.error()));
    }
    const Cell name = index.name;
    if (bind_cell(find->get(), 1, name) != SQLITE_OK) {
      return std::unexpected(connection.last_error());
    }
    if (sqlite3_step(find->get()) == SQLITE_ROW) {
      if (text_of(find->get(), 0) != index.sql) {
        return mismatch(table, "its index \"" + index.name + "\" is another one than the model needs");
      }
      continue;
    }
    if (auto created = connection.execute(index.sql); !created) {
      if (created.error().code == Errc::kConflict) {
        return mismatch(table, "index \"" + index.name + "\" cannot be unique, its items already hold equal values");
      }
      return created;
    }
  }
  return {};
}

Status sync_inside(SqlConnection& connection, const Table& table, const TableSql& sql) {
  auto existing = read_table(connection, table.name);
  if (!existing) {
    return std::unexpected(std::move(existing.error()));
  }
  const auto& found = *existing;
  auto done = found ? add_missing_columns(connection, table, sql, *found) : connection.execute(sql.create);
  return done ? create_missing_indexes(connection, table, sql) : std::move(done);
}

}  // namespace

Status sync_table(SqlConnection& connection, const Table& table, const TableSql& sql) {
  if (auto begun = connection.execute("BEGIN IMMEDIATE"); !begun) {
    return begun;
  }
  auto done = sync_inside(connection, table, sql);
  if (done) {
    done = connection.execute("COMMIT");
  }
  if (!connection.in_autocommit()) {
    // Only after a failure, which `done` reports; a rollback of its own cannot fail in a way that matters.
    static_cast<void>(connection.execute("ROLLBACK"));
  }
  return done;
}

}  // namespace data_bridge::storage::sqlite
