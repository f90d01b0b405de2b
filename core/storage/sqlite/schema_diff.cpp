// What differs between a table and what its model needs.
#include "storage/sqlite/schema_diff.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "storage/sqlite/stored_form.hpp"
#include "text/characters.hpp"

namespace data_bridge::storage::sqlite {
namespace {

// As many from each end: what an earlier release has written is at the beginning.
constexpr int kRowsAtStart = 100;

std::string text_of(sqlite3_stmt* statement, int column) { return std::string(read_cell(statement, column).text); }

/// Calls `row` with each row of a statement with one parameter.
template <typename Row>
Status for_each_row(SqlConnection& connection, std::string_view sql, const std::string& parameter, Row row) {
  auto statement = connection.prepare(sql);
  if (!statement) return std::unexpected(std::move(statement.error()));
  const Cell cell = parameter;
  if (sqlite3_bind_parameter_count(statement->get()) != 0 && bind_cell(statement->get(), 1, cell) != SQLITE_OK) {
    return std::unexpected(connection.last_error());
  }
  int step = SQLITE_ROW;
  while ((step = sqlite3_step(statement->get())) == SQLITE_ROW) row(statement->get());
  return step == SQLITE_DONE ? Status() : std::unexpected(connection.last_error());
}

// https://www.sqlite.org/datatype3.html, 3.1: of a type that somebody else has written down.
std::string_view affinity_of(const std::string& type) {
  std::string lower(type);
  std::ranges::transform(lower, lower.begin(), text::to_lower);
  const auto has = [&lower](std::string_view part) { return lower.find(part) != std::string::npos; };
  if (has("int")) return "INTEGER";
  if (has("char") || has("clob") || has("text")) return "TEXT";
  if (lower.empty() || has("blob") || lower == "any") return "ANY";
  return has("real") || has("floa") || has("doub") ? "REAL" : "NUMERIC";
}

class Finder {
 public:
  Finder(SqlConnection& connection, const Table& table, const TableSql& sql) noexcept
      : connection_(connection), table_(table), sql_(sql) {}

  std::expected<TableDifferences, Error> find(LookAt rows) {
    Status done = read_table();
    if (done && !existing().is_there()) {
      add(Difference::kMissing, "", "there is no such table", sql_.create);
    } else if (done && existing().kind != "table") {
      add(Difference::kHopeless, "", "it is a " + existing().kind);
      return std::move(result_);
    } else if (done) {
      find_renamed_columns();
      compare_columns();
      done = find_missing_columns();
    }
    if (done) done = compare_indexes();
    if (done && existing().is_there()) done = look_at_values(rows);
    if (!done) return std::unexpected(std::move(done.error()));
    return std::move(result_);
  }

 private:
  [[nodiscard]] ExistingTable& existing() noexcept { return result_.existing; }
  [[nodiscard]] bool is_ours() const noexcept { return table_.migrate; }

  void add(Difference kind, std::string name, std::string text, std::string sql = {}) {
    result_.found.push_back({.kind = kind, .name = std::move(name), .text = std::move(text), .sql = std::move(sql)});
  }

  Status read_table() {
    ExistingTable& found = existing();
    Status done = for_each_row(
        connection_, "SELECT type, sql FROM sqlite_schema WHERE name=?1 COLLATE NOCASE AND type IN ('table', 'view')",
        table_.name, [&found](sqlite3_stmt* row) {
          found.kind = text_of(row, 0);
          found.sql = text_of(row, 1);
        });
    if (!done) return done;
    return for_each_row(connection_,
                        "SELECT name, type, \"notnull\", pk, dflt_value, hidden FROM pragma_table_xinfo(?1)",
                        table_.name, [&found](sqlite3_stmt* row) {
                          if (sqlite3_column_int(row, 5) != 0) {
                            found.has_hidden_columns = true;
                            return;
                          }
                          found.columns.push_back({.name = text_of(row, 0),
                                                   .type = text_of(row, 1),
                                                   .not_null = sqlite3_column_int(row, 2) != 0,
                                                   .key = sqlite3_column_int(row, 3) != 0,
                                                   .has_default = sqlite3_column_type(row, 4) != SQLITE_NULL});
                        });
  }

  void find_renamed_columns() {
    for (std::size_t at = 0; at < sql_.columns.size(); ++at) {
      const std::string& name = sql_.columns[at];
      const std::string& former = table_.columns[at].former_name;
      const bool is_of_another = std::ranges::find(sql_.columns, former) != sql_.columns.end();
      const auto column = std::ranges::find(existing().columns, former, &ExistingColumn::name);
      if (former.empty() || is_of_another || existing().find(name) != nullptr || column == existing().columns.end()) {
        continue;
      }
      add(Difference::kRenamed, name,
          "it has no column \"" + name + "\", but \"" + former + "\", which the field was by Was(\"" + former + "\")",
          "ALTER TABLE " + quote(table_.name) + " RENAME COLUMN " + quote(former) + " TO " + quote(name));
      column->former = std::exchange(column->name, name);
    }
  }

  /// What a column of the model is called in the table as it is.
  [[nodiscard]] const std::string& present_name(std::size_t at) const noexcept {
    const ExistingColumn* const column = result_.existing.find(sql_.columns[at]);
    return column == nullptr || column->former.empty() ? sql_.columns[at] : column->former;
  }

  void compare_columns() {
    for (const ExistingColumn& column : existing().columns) {
      const auto known = std::ranges::find(sql_.columns, column.name);
      if (known != sql_.columns.end()) {
        compare_column(column, static_cast<std::size_t>(known - sql_.columns.begin()));
      } else if (is_ours() || (column.not_null && !column.has_default)) {
        // In somebody else's table there may be what an item can do without.
        add(Difference::kExtraColumn, column.name, "it has a column \"" + column.name + "\" that the model has not");
      }
    }
  }

  [[nodiscard]] bool fits(const std::string& type, ColumnKind kind) const {
    const std::string_view needed = column_type(kind);
    if (type == needed || (kind == ColumnKind::kReal && type == "REAL")) return true;
    if (is_ours()) return false;
    const std::string_view affinity = affinity_of(type);
    return affinity == needed || (kind == ColumnKind::kReal && affinity == "REAL") ||
           (needed == "INTEGER" && affinity == "NUMERIC");
  }

  void compare_column(const ExistingColumn& column, std::size_t at) {
    const bool key = at == table_.key_column;
    const std::string subject = "column \"" + column.name + "\" is ";
    if (column.key != key) {
      add(Difference::kHopeless, "",
          subject + (column.key ? "" : "not ") + "its key, but for the model it is " + (key ? "" : "not"));
      return;
    }
    const ColumnKind kind = table_.columns[at].kind;
    // The key is implicitly NOT NULL, with or without the words.
    const bool not_null = is_not_null(table_, at);
    const bool same_type = fits(column.type, kind);
    if (same_type && (key || column.not_null == not_null)) return;
    const auto describe = [](std::string_view type, bool required) {
      return std::string(type) + (required ? " NOT NULL" : "");
    };
    const std::string text = subject + describe(column.type, column.not_null) + ", but the model needs " +
                             describe(column_type(kind), not_null);
    add(key ? Difference::kHopeless : (same_type ? Difference::kNullability : Difference::kType), column.name, text);
  }

  Status find_missing_columns() {
    for (std::size_t at = 0; at < sql_.columns.size(); ++at) {
      const std::string& name = sql_.columns[at];
      if (existing().find(name) != nullptr) continue;
      const Column& column = table_.columns[at];
      const bool has_default = column.default_value && column.default_value->index() != 0;
      const std::string text = "it has no column \"" + name + "\"";
      if (at == table_.key_column) {
        add(Difference::kHopeless, "", text + ", which is the model's key");
      } else if (has_default || column.nullable) {
        add(Difference::kMissing, name, text,
            "ALTER TABLE " + quote(table_.name) + " ADD COLUMN " + sql_.column_definitions[at]);
      } else {
        add(Difference::kRequiredColumn, name,
            text + ", which cannot be added because the field is neither nullable nor has a default");
      }
    }
    return {};
  }

  Status compare_indexes() {
    std::vector<std::pair<std::string, std::string>> there;
    Status done = for_each_row(
        connection_, "SELECT name, sql FROM sqlite_schema WHERE type='index' AND tbl_name=?1 COLLATE NOCASE",
        table_.name, [&there](sqlite3_stmt* row) { there.emplace_back(text_of(row, 0), text_of(row, 1)); });
    std::vector<std::string> renamed;
    for (const Index& index : sql_.indexes) {
      if (!done) return done;
      const auto same = std::ranges::find(there, index.name, &std::pair<std::string, std::string>::first);
      const auto former = std::ranges::find_if(there, [&](const auto& each) { return is_former(each, index); });
      if (same == there.end() && former != there.end()) {
        // SQLite has no other way to rename one, and by its name a conflict is known.
        renamed.push_back(former->first);
        add(Difference::kRenamed, index.name,
            "its index \"" + former->first + "\" is called \"" + index.name + "\" now", index.sql);
        result_.found.back().drop = "DROP INDEX " + quote(former->first);
      } else if (same == there.end()) {
        auto has = is_ours() ? std::expected<bool, Error>(false) : has_such(index);
        if (!has) return std::unexpected(std::move(has.error()));
        if (!*has) add(Difference::kMissing, index.name, "it has no index \"" + index.name + "\"", index.sql);
      } else if (same->second != index.sql) {
        add(Difference::kOtherIndex, index.name, "its index \"" + index.name + "\" is another one than the model needs",
            index.sql);
      }
    }
    if (!is_ours()) return done;
    for (const auto& [name, sql] : there) {
      const bool is_renamed = std::ranges::find(renamed, name) != renamed.end();
      if (!is_renamed && is_named_like_ours(name) &&
          std::ranges::find(sql_.indexes, name, &Index::name) == sql_.indexes.end()) {
        add(Difference::kUnnecessaryIndex, name, "it has an index \"" + name + "\" that the model does not need");
      }
    }
    return done;
  }

  [[nodiscard]] bool is_named_like_ours(const std::string& name) const {
    return name.starts_with(table_.name + ".unique.") || name.starts_with(table_.name + ".index.");
  }

  /// Whether it is the same index, by a column that is renamed.
  [[nodiscard]] bool is_former(const std::pair<std::string, std::string>& there, const Index& index) const {
    const auto& [name, sql] = there;
    const std::string own = with_own_names(result_.existing, sql);
    if (!is_ours() || !is_named_like_ours(name) || own == sql) return false;
    const std::string until_name = std::string(index.unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ");
    return own.starts_with(until_name + quote(name)) &&
           own.substr((until_name + quote(name)).size()) == index.sql.substr((until_name + quote(index.name)).size());
  }

  // Somebody else gives indexes other names. What makes lists fast is theirs to know; that values occur once is ours.
  std::expected<bool, Error> has_such(const Index& index) {
    if (!index.unique) return true;
    std::vector<std::string> wanted;
    for (const std::size_t column : index.columns) wanted.push_back(sql_.columns[column]);
    std::ranges::sort(wanted);
    std::vector<std::string> names;
    Status done = for_each_row(connection_, "SELECT name FROM pragma_index_list(?1) WHERE \"unique\"<>0 AND partial=0",
                               table_.name, [&names](sqlite3_stmt* row) { names.push_back(text_of(row, 0)); });
    for (const std::string& name : names) {
      std::vector<std::string> columns;
      if (done) {
        done = for_each_row(connection_, "SELECT name FROM pragma_index_info(?1)", name,
                            [&columns](sqlite3_stmt* row) { columns.push_back(text_of(row, 0)); });
      }
      std::ranges::sort(columns);
      if (columns == wanted) return true;
    }
    if (!done) return std::unexpected(std::move(done.error()));
    return false;
  }

  struct Tally {
    std::size_t at;
    std::optional<std::string> earlier;  // the key of the first such row
    std::optional<std::string> foreign;
  };

  Status look_at_values(LookAt rows) {
    std::vector<Tally> tallies;
    std::string columns = quote(present_name(table_.key_column));
    for (std::size_t at = 0; at < sql_.columns.size(); ++at) {
      const bool is_key = at == table_.key_column;
      // What changes its type is converted as a whole.
      const bool changes = std::ranges::any_of(result_.found, [&](const TableDifference& difference) {
        return difference.kind == Difference::kType && difference.name == sql_.columns[at];
      });
      if (is_key || changes || existing().find(sql_.columns[at]) == nullptr) continue;
      tallies.push_back({.at = at, .earlier = {}, .foreign = {}});
      columns += "," + quote(present_name(at));
    }
    if (existing().find(sql_.columns[table_.key_column]) == nullptr || tallies.empty()) return {};
    const std::string select = "SELECT " + columns + sql_.from;
    const std::string order = " ORDER BY " + quote(present_name(table_.key_column));
    const std::string limit = " LIMIT " + std::to_string(kRowsAtStart);
    std::vector<std::string> queries{select};
    if (rows == LookAt::kFirstAndLast) queries = {select + order + limit, select + order + " DESC" + limit};
    for (const std::string& query : queries) {
      Status done = for_each_row(connection_, query, "", [&](sqlite3_stmt* row) { look_at(row, tallies); });
      if (!done) return done;
    }
    for (const Tally& tally : tallies) {
      const std::string column = "column \"" + sql_.columns[tally.at] + "\" of the item ";
      if (tally.earlier) {
        add(Difference::kEarlierForm, sql_.columns[tally.at],
            column + *tally.earlier + " has the form of an earlier release");
      }
      if (tally.foreign) {
        add(Difference::kForeignValues, sql_.columns[tally.at],
            column + *tally.foreign + " holds what is no " + std::string(kind_name(table_.columns[tally.at].kind)));
      }
    }
    return {};
  }

  void look_at(sqlite3_stmt* row, std::vector<Tally>& tallies) const {
    int place = 0;
    for (Tally& tally : tallies) {
      const Form form = form_of(table_.columns[tally.at].kind, read_cell(row, ++place));
      auto& first = form == Form::kEarlier ? tally.earlier : tally.foreign;
      if (form != Form::kPresent && !first) first = key_text(read_cell(row, 0));
    }
  }

  SqlConnection& connection_;
  const Table& table_;
  const TableSql& sql_;
  TableDifferences result_{};
};

}  // namespace

const ExistingColumn* ExistingTable::find(const std::string& column) const noexcept {
  const auto found = std::ranges::find(columns, column, &ExistingColumn::name);
  return found == columns.end() ? nullptr : &*found;
}

std::string with_own_names(const ExistingTable& table, std::string sql) {
  for (const ExistingColumn& column : table.columns) {
    if (column.former.empty()) continue;
    const std::string former = quote(column.former);
    const std::string own = quote(column.name);
    for (auto at = sql.find(former); at != std::string::npos; at = sql.find(former, at + own.size())) {
      sql.replace(at, former.size(), own);
    }
  }
  return sql;
}

std::string key_text(const CellView& key) {
  return key.type == CellView::Type::kText ? "\"" + std::string(key.text) + "\"" : std::to_string(key.integer);
}

std::expected<TableDifferences, Error> find_differences(SqlConnection& connection, const Table& table,
                                                        const TableSql& sql, LookAt rows) {
  return Finder(connection, table, sql).find(rows);
}

}  // namespace data_bridge::storage::sqlite
