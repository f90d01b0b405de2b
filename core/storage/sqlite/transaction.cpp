// The steps of a write on the writer's connection.
#include "storage/sqlite/transaction.hpp"

#include <string_view>
#include <utility>

#include "storage/sqlite/key_sequence.hpp"
#include "storage/sqlite/query_sql.hpp"
#include "text/make_uuid.hpp"

namespace data_bridge::storage::sqlite {
namespace {

// A quarter of all integers is left behind it, so that what AUTOINCREMENT assigns never comes near the end.
constexpr std::int64_t kLastAssigned = (std::int64_t{1} << 62) + (std::int64_t{1} << 61);

// SQLite's own text is compared with what it must be for each constraint, so that no name can be misread.
std::string conflict_text(const SqliteCollection& collection, const std::vector<std::size_t>& columns) {
  std::string text = "UNIQUE constraint failed: ";
  for (std::size_t at = 0; at < columns.size(); ++at) {
    text += at == 0 ? "" : ", ";
    text += collection.table().name + "." + collection.sql().columns[columns[at]];
  }
  return text;
}

Status bound(int result, const SqlConnection& connection) {
  return result == SQLITE_OK ? Status() : std::unexpected(connection.last_error());
}

Status bind_row(sqlite3_stmt* statement, const Row& row, const SqlConnection& connection) {
  for (std::size_t at = 0; at < row.size(); ++at) {
    if (const int result = bind_cell(statement, static_cast<int>(at) + 1, row[at]); result != SQLITE_OK) {
      return bound(result, connection);
    }
  }
  return {};
}

const SqliteCollection& as_sqlite(const Collection& collection) noexcept {
  // A store gets only the collections that it made.
  return static_cast<const SqliteCollection&>(collection);
}

}  // namespace

Error write_error(const SqlConnection& connection, const SqliteCollection& collection) {
  Error error = connection.last_error();
  if (error.code != Errc::kConflict) {
    return error;
  }
  const Table& table = collection.table();
  const std::string_view message = sqlite3_errmsg(connection.handle());
  if (message == conflict_text(collection, {table.key_column})) {
    error.fields.push_back(table.columns[table.key_column].name);
    return error;
  }
  for (const Index& index : collection.sql().indexes) {
    if (!index.unique) continue;
    // Of an index on expressions SQLite tells the name.
    if (message == conflict_text(collection, index.columns) ||
        message == "UNIQUE constraint failed: index '" + index.name + "'") {
      for (const std::size_t column : index.columns) {
        error.fields.push_back(table.columns[column].name);
      }
      break;
    }
  }
  return error;
}

Status SqliteTransaction::step_to_end(sqlite3_stmt* statement, const SqliteCollection& collection) {
  if (sqlite3_step(statement) != SQLITE_DONE) {
    return std::unexpected(write_error(connection_, collection));
  }
  return {};
}

// AUTOINCREMENT goes on after the greatest key that a table has or ever had, and answers "disk full" where that is the
// greatest integer; a failure that rolls back everybody's writes of the transaction. So a table with a key from the far
// end gets its keys from here: after the greatest of the others, by the same book-keeping, which then holds no far key.
Status SqliteTransaction::choose_key(const SqliteCollection& collection, Cell& key) {
  if (const auto* given = std::get_if<std::int64_t>(&key)) {
    if (*given > kLastAssigned) {
      statements_.set_room_for_keys(collection.id(), false);
    }
    return {};
  }
  if (statements_.has_room_for_keys(collection.id())) {
    return {};
  }
  KeySequence sequence(connection_, collection.table().name, collection.sql());
  const auto next = sequence.next(kLastAssigned);
  if (!next) {
    return std::unexpected(next.error());
  }
  if (*next) {
    key = **next;
  } else {
    statements_.set_room_for_keys(collection.id(), true);
  }
  return {};
}

std::expected<bool, Error> SqliteTransaction::get(Collection& collection, const Key& key, RowVisitor& visitor) {
  const SqliteCollection& mine = as_sqlite(collection);
  auto statement = statements_.get(connection_, mine.id(), mine.sql(), StatementKind::kGet);
  if (!statement) {
    return std::unexpected(std::move(statement.error()));
  }
  const StatementUse use(*statement);
  if (auto done = bound(bind_key(*statement, 1, key), connection_); !done) {
    return std::unexpected(std::move(done.error()));
  }
  const int step = sqlite3_step(*statement);
  if (step == SQLITE_ROW) {
    static_cast<void>(visitor.on_row(RowReader(*statement).read()));
    return true;
  }
  if (step == SQLITE_DONE) {
    return false;
  }
  return std::unexpected(connection_.last_error());
}

std::expected<bool, Error> SqliteTransaction::holds(Collection& collection, const Condition& condition) {
  const SqliteCollection& mine = as_sqlite(collection);
  const QuerySql sql = count_sql(mine.table(), mine.sql(), condition);
  const auto statement = statements_.queries().get(connection_, sql.text);
  if (!statement) {
    return std::unexpected(statement.error());
  }
  const StatementUse use(*statement);
  if (auto done = bind_row(*statement, sql.parameters, connection_); !done) {
    return std::unexpected(std::move(done.error()));
  }
  if (sqlite3_step(*statement) != SQLITE_ROW) {
    return std::unexpected(connection_.last_error());
  }
  return sqlite3_column_int64(*statement, 0) != 0;
}

Status SqliteTransaction::insert(Collection& collection, Row& row) {
  const SqliteCollection& mine = as_sqlite(collection);
  const Table& table = mine.table();
  Cell& key = row[table.key_column];
  const bool assign = key.index() == 0;
  if (table.key_kind == KeyKind::kInt) {
    if (auto chosen = choose_key(mine, key); !chosen) {
      return chosen;
    }
  }
  if (assign && table.key_kind == KeyKind::kUuid) {
    key = text::make_uuid(table.uuid_version);
  }
  auto statement = statements_.get(connection_, mine.id(), mine.sql(), StatementKind::kInsert);
  if (!statement) {
    return std::unexpected(std::move(statement.error()));
  }
  const StatementUse use(*statement);
  if (auto done = bind_row(*statement, row, connection_); !done) {
    return done;
  }
  if (auto done = step_to_end(*statement, mine); !done) {
    return done;
  }
  if (assign && table.key_kind == KeyKind::kInt) {
    key = static_cast<std::int64_t>(sqlite3_last_insert_rowid(connection_.handle()));
  }
  return {};
}

std::expected<bool, Error> SqliteTransaction::replace(Collection& collection, const Key& key, const Row& row) {
  const SqliteCollection& mine = as_sqlite(collection);
  auto statement = statements_.get(connection_, mine.id(), mine.sql(), StatementKind::kReplace);
  if (!statement) {
    return std::unexpected(std::move(statement.error()));
  }
  const StatementUse use(*statement);
  if (auto done = bind_row(*statement, row, connection_); !done) {
    return std::unexpected(std::move(done.error()));
  }
  if (auto done = bound(bind_key(*statement, static_cast<int>(row.size()) + 1, key), connection_); !done) {
    return std::unexpected(std::move(done.error()));
  }
  if (auto done = step_to_end(*statement, mine); !done) {
    return std::unexpected(std::move(done.error()));
  }
  return sqlite3_changes(connection_.handle()) != 0;
}

std::expected<bool, Error> SqliteTransaction::remove(Collection& collection, const Key& key) {
  const SqliteCollection& mine = as_sqlite(collection);
  auto statement = statements_.get(connection_, mine.id(), mine.sql(), StatementKind::kRemove);
  if (!statement) {
    return std::unexpected(std::move(statement.error()));
  }
  const StatementUse use(*statement);
  if (auto done = bound(bind_key(*statement, 1, key), connection_); !done) {
    return std::unexpected(std::move(done.error()));
  }
  if (auto done = step_to_end(*statement, mine); !done) {
    return std::unexpected(std::move(done.error()));
  }
  return sqlite3_changes(connection_.handle()) != 0;
}

Status SqliteTransaction::remove_some(Collection& collection, const Condition& condition, std::size_t limit) {
  const SqliteCollection& mine = as_sqlite(collection);
  const QuerySql sql = remove_sql(mine.table(), mine.sql(), condition, limit);
  const auto statement = statements_.queries().get(connection_, sql.text);
  if (!statement) {
    return std::unexpected(statement.error());
  }
  const StatementUse use(*statement);
  if (auto done = bind_row(*statement, sql.parameters, connection_); !done) {
    return done;
  }
  return step_to_end(*statement, mine);
}

Status SqliteTransaction::attempt(const std::function<Status()>& steps) {
  if (auto saved = connection_.execute("SAVEPOINT attempt"); !saved) {
    return saved;
  }
  auto done = steps();
  if (connection_.in_autocommit()) {  // the failure has ended the whole transaction
    return done;
  }
  if (!done) {
    if (auto undone = connection_.execute("ROLLBACK TO attempt"); !undone) {
      // Nothing may become durable that is not known: the writer finds the transaction ended.
      static_cast<void>(connection_.execute("ROLLBACK"));
      return undone;
    }
  }
  if (auto released = connection_.execute("RELEASE attempt"); !released && done) {
    return released;
  }
  return done;
}

}  // namespace data_bridge::storage::sqlite
