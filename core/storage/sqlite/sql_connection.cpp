// One sqlite3 handle, its statements, and SQLite's result codes as storage::Error.
#include "storage/sqlite/sql_connection.hpp"

#include <mutex>
#include <utility>

#include "storage/sqlite/functions.hpp"

namespace data_bridge::storage::sqlite {
namespace {

void configure_library() noexcept {
  // Without its statistics malloc() needs no mutex of SQLite's: two reading threads scale. SQLITE_MISUSE where
  // the process already uses the library (Python's sqlite3 module); it then works as before, only slower.
  static std::once_flag once;
  std::call_once(once, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });
}

// https://www.sqlite.org/rescode.html
Errc classify(int extended) noexcept {
  switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return Errc::kConflict;
    case SQLITE_READONLY_DBMOVED:
      return Errc::kUnavailable;
    default:
      break;
  }
  switch (extended & 0xFF) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return Errc::kRejected;
    case SQLITE_TOOBIG:
      return Errc::kTooBig;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:  // a race for the locks of the write-ahead log that was lost too often
      return Errc::kBusy;
    case SQLITE_READONLY:
      return Errc::kReadOnly;
    case SQLITE_FULL:
      return Errc::kFull;
    case SQLITE_CANTOPEN:
      return Errc::kUnavailable;
    case SQLITE_INTERRUPT:
      return Errc::kTimeout;
    case SQLITE_IOERR:
      return Errc::kIo;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Errc::kCorrupt;
    default:
      return Errc::kInternal;
  }
}

}  // namespace

Error error_of(sqlite3* handle) {
  const int code = sqlite3_extended_errcode(handle);
  return Error{.code = classify(code),
               .fields = {},
               .detail = std::string("SQLite ") + std::to_string(code) + ": " + sqlite3_errmsg(handle)};
}

std::expected<SqlConnection, Error> SqlConnection::open(const std::string& path, Access access,
                                                        std::chrono::milliseconds busy_timeout) {
  configure_library();
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (access) {
    case Access::kCreate:
      flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
      break;
    case Access::kWrite:
    case Access::kRead:  // a reader of a write-ahead log writes to the index of the log
      flags |= SQLITE_OPEN_READWRITE;
      break;
  }
  if (path.starts_with(kMemoryPath)) flags |= SQLITE_OPEN_URI;
  sqlite3* handle = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  SqlConnection connection(handle);  // also a failed open has to be closed
  if (opened != SQLITE_OK) {
    Error error = handle == nullptr ? Error{Errc::kInternal, {}, "out of memory"} : error_of(handle);
    error.detail += " (" + path + ")";
    return std::unexpected(std::move(error));
  }
  sqlite3_busy_timeout(handle, static_cast<int>(busy_timeout.count()));  // before the first lock is taken
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);        // a misspelt "name" is an error, not a string
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  if (register_functions(handle) != SQLITE_OK) {
    return std::unexpected(error_of(handle));
  }
  // secure_delete: Debian's build overwrites what is deleted, which doubles the writes of a delete.
  // synchronous=FULL: an answered write survives a power failure, not only the end of the process.
  std::string pragmas =
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=OFF; PRAGMA foreign_keys=ON;"
      "PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=200000000;";
  pragmas += access == Access::kRead ? "PRAGMA cache_size=-16000; PRAGMA query_only=ON;" : "PRAGMA cache_size=-32000;";
  if (auto done = connection.execute(pragmas); !done) {
    Error error = std::move(done.error());
    error.detail += " (" + path + ")";
    return std::unexpected(std::move(error));
  }
  if (auto utf8 = connection.check_encoding(); !utf8) {
    utf8.error().detail += " (" + path + ")";
    return std::unexpected(std::move(utf8.error()));
  }
  return connection;
}

Status SqlConnection::check_encoding() {
  auto query = prepare("PRAGMA encoding");
  if (!query) {
    return std::unexpected(std::move(query.error()));
  }
  if (sqlite3_step(query->get()) != SQLITE_ROW) {
    return std::unexpected(last_error());
  }
  const CellView encoding = read_cell(query->get(), 0);
  // A result of a pragma is UTF-8 in any case.
  if (encoding.text != "UTF-8") {
    return std::unexpected(Error{Errc::kSchemaMismatch, {}, "the encoding of the database is not UTF-8"});
  }
  return {};
}

Status SqlConnection::execute(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return std::unexpected(last_error());
  }
  return {};
}

Status SqlConnection::in_transaction(const std::function<Status()>& task) {
  if (auto begun = execute("BEGIN IMMEDIATE"); !begun) {
    return begun;
  }
  auto done = task();
  if (done) {
    done = execute("COMMIT");
  }
  if (!in_autocommit()) {
    // Only after a failure, which `done` reports; a rollback of its own cannot fail in a way that matters.
    static_cast<void>(execute("ROLLBACK"));
  }
  return done;
}

std::expected<Statement, Error> SqlConnection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                         nullptr) != SQLITE_OK) {
    return std::unexpected(last_error());
  }
  return Statement(statement);
}

Error SqlConnection::last_error() const { return error_of(handle_.get()); }

bool SqlConnection::file_has_moved() noexcept {
  int moved = 0;
  sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

namespace {

// All members each time: a table of someone else's may have cells of a type that its column does not have, and what
// an earlier row left behind in the same memory must not be taken for their text.
inline void read_into(CellView& cell, sqlite3_value* value) noexcept {
  using Type = CellView::Type;
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
      cell = {.type = Type::kInteger, .integer = sqlite3_value_int64(value)};
      break;
    case SQLITE_FLOAT:
      cell = {.type = Type::kReal, .real = sqlite3_value_double(value)};
      break;
    case SQLITE_TEXT:
    case SQLITE_BLOB: {
      // As a blob: the text form would first be copied, to end it with a NUL. The encoding is UTF-8, see open().
      const void* const bytes = sqlite3_value_blob(value);
      cell = {.type = Type::kText,
              .text = {static_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_value_bytes(value))}};
      break;
    }
    default:
      cell = {};
      break;
  }
}

}  // namespace

CellView read_value(sqlite3_value* value) noexcept {
  CellView cell;
  read_into(cell, value);
  return cell;
}

// The value once and its parts by sqlite3_value_*(): each sqlite3_column_*() would take and leave the mutex again.
CellView read_cell(sqlite3_stmt* statement, int column) noexcept {
  return read_value(sqlite3_column_value(statement, column));
}

RowView RowReader::read() noexcept {
  int column = 0;
  for (CellView& cell : cells_) read_into(cell, sqlite3_column_value(statement_, column++));
  return cells_;
}

int bind_cell(sqlite3_stmt* statement, int index, const Cell& cell) noexcept {
  switch (cell.index()) {
    case 1:
      return sqlite3_bind_int64(statement, index, *std::get_if<1>(&cell));
    case 2:
      return sqlite3_bind_double(statement, index, *std::get_if<2>(&cell));
    case 3: {
      const std::string& text = *std::get_if<3>(&cell);
      return sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    }
    default:
      return sqlite3_bind_null(statement, index);
  }
}

int bind_key(sqlite3_stmt* statement, int index, const Key& key) noexcept {
  if (const auto* number = std::get_if<std::int64_t>(&key)) {
    return sqlite3_bind_int64(statement, index, *number);
  }
  const std::string& text = *std::get_if<std::string>(&key);
  return sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

}  // namespace data_bridge::storage::sqlite
