// What a start does not do to tables: copies them into another shape, rewrites values, drops what was named.
#include "storage/sqlite/migration.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "storage/sqlite/schema_diff.hpp"
#include "storage/sqlite/schema_sync.hpp"
#include "storage/sqlite/sql_connection.hpp"
#include "storage/sqlite/stored_form.hpp"
#include "storage/sqlite/table_sql.hpp"
#include "text/characters.hpp"

namespace data_bridge::storage::sqlite {
namespace {

constexpr std::chrono::seconds kBusyTimeout{5};

/// A statement, or a query for the key of an item for which the rest must not be done.
struct Action {
  std::string sql;
  std::string refusal{};  ///< of a query: what is wrong with that item
};

std::string join(const std::vector<std::string>& parts) {
  std::string joined;
  for (const std::string& part : parts) joined += (joined.empty() ? "" : ", ") + part;
  return joined;
}

std::string quote_text(std::string_view text) {
  std::string quoted = "'";
  for (const char letter : text) quoted += letter == '\'' ? "''" : std::string(1, letter);
  return quoted + "'";
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

/// Whether a table has nothing that a copy by its model would lose: what a release has made has not.
bool is_plain(const ExistingTable& table) {
  std::string words;
  char quote = '\0';
  for (const char letter : table.sql) {
    if (quote != '\0') {
      if (letter == quote) quote = '\0';
    } else if (letter == '"' || letter == '\'' || letter == '`' || letter == '[') {
      quote = letter == '[' ? ']' : letter;
    } else {
      words += text::to_lower(letter);
    }
  }
  constexpr std::string_view kOwnCheck = "check (typeof() in (, , ))";
  for (auto at = words.find(kOwnCheck); at != std::string::npos; at = words.find(kOwnCheck)) {
    words.erase(at, kOwnCheck.size());
  }
  constexpr std::string_view kForeign[] = {"references", "unique", "collate", "generated", "check", "foreign"};
  return !table.has_hidden_columns &&
         std::ranges::none_of(kForeign, [&words](std::string_view word) { return words.contains(word); });
}

std::expected<std::optional<std::string>, Error> first_key(SqlConnection& connection, const std::string& sql) {
  auto query = connection.prepare(sql);
  if (!query) return std::unexpected(std::move(query.error()));
  const int step = sqlite3_step(query->get());
  if (step == SQLITE_ROW) return key_text(read_cell(query->get(), 0));
  return step == SQLITE_DONE ? std::expected<std::optional<std::string>, Error>(std::nullopt)
                             : std::unexpected(connection.last_error());
}

/// What is to be done to one table.
class TableMigration {
 public:
  TableMigration(SqlConnection& connection, const Table& table, const MigrationConsent& consent) noexcept
      : connection_(connection), table_(table), consent_(consent) {}

  /// `needed`: the names of the indexes that any model of this table has.
  Status plan(const TableSql& sql, const std::set<std::string>& needed) {
    sql_ = &sql;
    auto found = find_differences(connection_, table_, sql, LookAt::kAll);
    if (!found) return std::unexpected(std::move(found.error()));
    differences_ = std::move(*found);
    std::erase_if(differences_.found, [&needed](const TableDifference& difference) {
      return difference.kind == Difference::kUnnecessaryIndex && needed.contains(difference.name);
    });
    for (const TableDifference& difference : differences_.found) {
      if (auto judged = judge(difference); !judged) return judged;
    }
    if (rebuilds_ && !left_.empty()) {
      left_.emplace_back("a column cannot be changed by itself: the table is copied once nothing else is left");
      rebuilds_ = false;
    } else if (rebuilds_ && !is_plain(differences_.existing)) {
      left_.emplace_back("it has to be copied, and has constraints or columns that are not of its model's making");
      rebuilds_ = false;
    }
    return rebuilds_ ? plan_copy() : plan_additions();
  }

  Status execute() {
    for (const Action& action : actions_) {
      if (action.refusal.empty()) {
        if (auto done = connection_.execute(action.sql); !done) return failure(action, done.error());
        continue;
      }
      const auto key = first_key(connection_, action.sql);
      if (!key) return std::unexpected(key.error());
      if (*key) return std::unexpected(Error{Errc::kSchemaMismatch, {}, refusal(action, **key)});
    }
    return {};
  }

  /// The refusals that execute() would end with; nothing is changed to find them.
  Status look_ahead() {
    if (renames_) return {};  // the queries are of columns that have their names only then
    for (const Action& action : actions_) {
      if (action.refusal.empty() || action.sql.contains(quote(copy_name()))) continue;
      const auto key = first_key(connection_, action.sql);
      if (!key) return std::unexpected(key.error());
      if (*key) left_.push_back(refusal(action, **key));
    }
    return {};
  }

  [[nodiscard]] bool copies() const noexcept { return rebuilds_; }
  [[nodiscard]] TablePlan result() const {
    TablePlan plan{.table = table_.name, .only_checked = !table_.migrate, .statements = {}, .left = left_};
    for (const Action& action : actions_) {
      if (action.refusal.empty()) plan.statements.push_back(action.sql);
    }
    return plan;
  }

 private:
  [[nodiscard]] std::string copy_name() const { return table_.name + ".copy"; }
  [[nodiscard]] std::string key() const { return quote(sql_->columns[table_.key_column]); }
  [[nodiscard]] std::string refusal(const Action& action, const std::string& key) const {
    return "table \"" + table_.name + "\", item " + key + ": " + action.refusal;
  }

  [[nodiscard]] Status failure(const Action& action, const Error& error) const {
    const auto added = std::ranges::find(differences_.found, action.sql, &TableDifference::sql);
    if (added == differences_.found.end()) return std::unexpected(error);
    return explained(table_, *added, error);
  }

  void leave(const TableDifference& difference, std::string_view option) {
    left_.push_back(difference.text + "; " + std::string(option) + " \"" +
                    (option == "--drop" && is_index(difference) ? "" : table_.name + ".") + difference.name + "\"");
  }

  [[nodiscard]] static bool is_index(const TableDifference& difference) noexcept {
    return difference.kind == Difference::kOtherIndex || difference.kind == Difference::kUnnecessaryIndex;
  }

  Status judge(const TableDifference& difference) {
    const std::string column = table_.name + "." + difference.name;
    switch (difference.kind) {
      case Difference::kMissing:
        break;
      case Difference::kRenamed:
        renames_ = true;
        if (!difference.drop.empty()) actions_.push_back({difference.drop});
        actions_.push_back({difference.sql});
        break;
      case Difference::kOtherIndex:
      case Difference::kUnnecessaryIndex:
        if (contains(consent_.drop, difference.name)) {
          actions_.push_back({"DROP INDEX " + quote(difference.name)});
          if (!difference.sql.empty()) actions_.push_back({difference.sql});
        } else {
          indexes_left_.push_back(difference);
        }
        break;
      case Difference::kExtraColumn:
        contains(consent_.drop, column) ? void(rebuilds_ = true) : leave(difference, "--drop");
        break;
      case Difference::kType:
        contains(consent_.convert, column) ? convert(difference.name, true) : leave(difference, "--convert");
        break;
      case Difference::kForeignValues:
        contains(consent_.convert, column) ? convert(difference.name, false) : leave(difference, "--convert");
        break;
      case Difference::kEarlierForm:
        convert(difference.name, false);
        break;
      case Difference::kNullability:
        rebuilds_ = true;
        break;
      case Difference::kRequiredColumn: {
        const auto key = first_key(connection_, "SELECT 1" + sql_->from + " LIMIT 1");
        if (!key) return std::unexpected(key.error());
        *key ? left_.push_back(difference.text) : void(rebuilds_ = true);
        break;
      }
      case Difference::kHopeless:
        left_.push_back(difference.text);
        break;
    }
    return {};
  }

  void convert(const std::string& column, bool copies) {
    converted_.insert(column);
    rebuilds_ = rebuilds_ || copies;
  }

  [[nodiscard]] std::string conversion(const std::string& column) const {
    const auto at = static_cast<std::size_t>(std::ranges::find(sql_->columns, column) - sql_->columns.begin());
    return "data_bridge_convert(" + quote(column) + ", " + quote_text(kind_name(table_.columns[at].kind)) + ")";
  }

  void check_conversions() {
    for (const std::string& column : converted_) {
      actions_.push_back({"SELECT " + key() + sql_->from + " WHERE " + quote(column) + " IS NOT NULL AND " +
                              conversion(column) + " IS NULL LIMIT 1",
                          "its \"" + column + "\" cannot be converted without loss"});
    }
  }

  Status plan_additions() {
    for (const TableDifference& difference : differences_.found) {
      if (difference.kind == Difference::kType) converted_.erase(difference.name);  // not without the copy
    }
    check_conversions();
    for (const std::string& column : converted_) {
      actions_.push_back({"UPDATE " + quote(table_.name) + " SET " + quote(column) + "=" + conversion(column) +
                          " WHERE " + quote(column) + " IS NOT " + conversion(column)});
    }
    for (const TableDifference& difference : differences_.found) {
      if (difference.kind == Difference::kMissing) actions_.push_back({difference.sql});
    }
    return end();
  }

  Status end() {
    for (const TableDifference& index : indexes_left_) leave(index, "--drop");
    return {};
  }

  // As SQLite advises (https://www.sqlite.org/lang_altertable.html, 7), and it is looked at what has arrived.
  Status plan_copy() {
    const std::string from = quote(table_.name);
    const std::string to = quote(copy_name());
    check_conversions();
    std::vector<std::string> columns;
    std::vector<std::string> values;
    std::string differs = "n." + key() + " IS NULL";
    for (std::size_t at = 0; at < sql_->columns.size(); ++at) {
      const std::string& name = sql_->columns[at];
      const ExistingColumn* const existing = differences_.existing.find(name);
      if (existing == nullptr) continue;  // gets its default
      if (is_not_null(table_, at) && !existing->not_null && !existing->key) {
        actions_.push_back({"SELECT " + key() + sql_->from + " WHERE " + quote(name) + " IS NULL LIMIT 1",
                            "its \"" + name + "\" is NULL, which the field does not take"});
      }
      columns.push_back(quote(name));
      values.push_back(converted_.contains(name) ? conversion(name) : quote(name));
      std::string value = values.back();
      value.insert(value.find('"'), "o.");
      differs += " OR n." + quote(name) + " IS NOT " + value;
    }
    std::vector<std::string> kept;
    if (auto read = read_kept(kept); !read) return read;
    actions_.push_back({"CREATE TABLE " + to + sql_->create.substr(("CREATE TABLE " + from).size())});
    actions_.push_back({"INSERT INTO " + to + " (" + join(columns) + ") SELECT " + join(values) + " FROM " + from});
    actions_.push_back({"SELECT o." + key() + " FROM " + from + " AS o LEFT JOIN " + to + " AS n ON o." + key() +
                            "=n." + key() + " WHERE " + differs + " LIMIT 1",
                        "it has arrived otherwise in the copy of the table"});
    if (table_.key_kind == KeyKind::kInt) {
      // The key of a deleted item is not given to another one afterwards either.
      actions_.push_back({"DELETE FROM sqlite_sequence WHERE name=" + quote_text(copy_name())});
      actions_.push_back({"INSERT INTO sqlite_sequence (name, seq) SELECT " + quote_text(copy_name()) +
                          ", max(seq) FROM (SELECT seq FROM sqlite_sequence WHERE name=" + quote_text(table_.name) +
                          " UNION ALL SELECT coalesce(max(" + key() + "), 0) FROM " + from + ")"});
    }
    actions_.push_back({"DROP TABLE " + from});
    actions_.push_back({"ALTER TABLE " + to + " RENAME TO " + from});
    for (std::string& sql : kept) actions_.push_back({std::move(sql)});
    for (const TableDifference& difference : differences_.found) {
      const bool is_column = contains(sql_->columns, difference.name);
      if (difference.kind == Difference::kMissing && !is_column) actions_.push_back({difference.sql});
    }
    return end();
  }

  // Indexes and triggers go with a table that is dropped.
  Status read_kept(std::vector<std::string>& kept) {
    auto query = connection_.prepare(
        "SELECT name, sql FROM sqlite_schema WHERE tbl_name=?1 COLLATE NOCASE AND type IN ('index', 'trigger') AND sql "
        "IS NOT NULL");
    if (!query) return std::unexpected(std::move(query.error()));
    const Cell name = table_.name;
    if (bind_cell(query->get(), 1, name) != SQLITE_OK) return std::unexpected(connection_.last_error());
    int step = SQLITE_ROW;
    while ((step = sqlite3_step(query->get())) == SQLITE_ROW) {
      const std::string drop = "DROP INDEX " + quote(read_cell(query->get(), 0).text);
      const std::string sql(read_cell(query->get(), 1).text);
      if (std::ranges::find(actions_, drop, &Action::sql) == actions_.end()) {
        kept.push_back(with_own_names(differences_.existing, sql));
      }
    }
    // What was created anew in place of another is dropped with the table, too.
    for (const Action& action : actions_) {
      if (action.sql.starts_with("CREATE ")) kept.push_back(action.sql);
    }
    return step == SQLITE_DONE ? Status() : std::unexpected(connection_.last_error());
  }

  SqlConnection& connection_;
  const Table& table_;
  const MigrationConsent& consent_;
  const TableSql* sql_ = nullptr;
  TableDifferences differences_{};
  std::vector<TableDifference> indexes_left_{};
  std::set<std::string> converted_{};
  bool rebuilds_ = false;
  bool renames_ = false;
  std::vector<Action> actions_{};
  std::vector<std::string> left_{};
};

class Migration {
 public:
  Migration(SqlConnection& connection, const std::vector<Table>& tables, const MigrationConsent& consent) noexcept
      : connection_(connection), tables_(tables), consent_(consent) {}

  Status run(bool executes) {
    std::vector<TableSql> sql;
    for (const Table& table : tables_) {
      auto made = TableSql::make(table);
      if (!made) return std::unexpected(std::move(made.error()));
      sql.push_back(std::move(*made));
    }
    for (std::size_t at = 0; at < tables_.size(); ++at) {
      std::set<std::string> needed;
      for (std::size_t other = 0; other < tables_.size(); ++other) {
        if (tables_[other].name != tables_[at].name) continue;
        for (const Index& index : sql[other].indexes) needed.insert(index.name);
      }
      if (auto done = run_one(tables_[at], sql[at], needed, executes); !done) return done;
    }
    return {};
  }

  std::vector<TablePlan> plans{};

 private:
  Status run_one(const Table& table, const TableSql& sql, const std::set<std::string>& needed, bool executes) {
    TableMigration migration(connection_, table, consent_);
    if (auto planned = migration.plan(sql, needed); !planned) return planned;
    const bool does_it = executes && table.migrate;
    if (auto done = does_it ? migration.execute() : migration.look_ahead(); !done) return done;
    TablePlan plan = migration.result();
    if (does_it) {
      TableMigration again(connection_, table, consent_);
      if (auto planned = again.plan(sql, needed); !planned) return planned;
      if (auto looked = look_again(table, migration, again); !looked) return looked;
      plan.left = again.result().left;
    }
    // Several mounts of a table need the same.
    std::erase_if(plan.statements, [this](const std::string& statement) { return !said_.insert(statement).second; });
    plans.push_back(std::move(plan));
    return {};
  }

  /// Whether all is as it was meant to be.
  Status look_again(const Table& table, const TableMigration& done, const TableMigration& again) {
    const auto broken = [&table](std::string detail) {
      return std::unexpected(Error{Errc::kInternal, {}, "table \"" + table.name + "\": " + std::move(detail)});
    };
    if (const auto left = again.result().statements; !left.empty()) return broken("not done: " + left.front());
    if (!done.copies()) return {};
    const auto violation = first_key(connection_, "SELECT 0 FROM pragma_foreign_key_check LIMIT 1");
    if (!violation) return std::unexpected(violation.error());
    return *violation ? broken("a foreign key leads nowhere") : Status();
  }

  SqlConnection& connection_;
  const std::vector<Table>& tables_;
  const MigrationConsent& consent_;
  std::set<std::string> said_{};
};

std::expected<std::vector<TablePlan>, Error> run(const std::string& path, Access access,
                                                 const std::vector<Table>& tables, const MigrationConsent& consent) {
  auto connection = SqlConnection::open(path, access, kBusyTimeout);
  if (!connection) return std::unexpected(std::move(connection.error()));
  if (register_conversion(connection->handle()) != SQLITE_OK) return std::unexpected(connection->last_error());
  Migration migration(*connection, tables, consent);
  if (access != Access::kCreate || path == ":memory:") {
    if (auto done = migration.run(false); !done) return std::unexpected(std::move(done.error()));
    return std::move(migration.plans);
  }
  // A table that is dropped for its copy is not what foreign keys and views mean.
  auto done = connection->execute("PRAGMA foreign_keys=OFF; PRAGMA legacy_alter_table=ON");
  if (done) done = connection->in_transaction([&] { return migration.run(true); });
  if (!done) return std::unexpected(std::move(done.error()));
  return std::move(migration.plans);
}

}  // namespace

std::expected<std::vector<TablePlan>, Error> plan_migration(const std::string& path, const std::vector<Table>& tables,
                                                            const MigrationConsent& consent) {
  // Where there is no database yet, all is missing; it is not made for that.
  const bool exists = std::filesystem::exists(path);
  return run(exists ? path : ":memory:", exists ? Access::kRead : Access::kCreate, tables, consent);
}

std::expected<std::vector<TablePlan>, Error> migrate(const std::string& path, const std::vector<Table>& tables,
                                                     const MigrationConsent& consent) {
  return run(path, Access::kCreate, tables, consent);
}

}  // namespace data_bridge::storage::sqlite
