// One sqlite3 handle, its statements, and SQLite's result codes as storage::Error.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/error.hpp"
#include "storage/row.hpp"

namespace data_bridge::storage::sqlite {

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

/// Resets a cached statement, and lets go of what was bound to it, at the end of a scope: an open statement would
/// keep its read transaction, and with it the whole write-ahead log, alive.
class StatementUse {
 public:
  explicit StatementUse(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  ~StatementUse() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  StatementUse(const StatementUse&) = delete;
  StatementUse& operator=(const StatementUse&) = delete;

 private:
  sqlite3_stmt* statement_;
};

/// The last failure of a call with this handle.
[[nodiscard]] Error error_of(sqlite3* handle);

enum class Access : std::uint8_t {
  kCreate,  ///< read and write; the file is made where it is missing
  kWrite,   ///< read and write; a missing file is kUnavailable
  kRead,    ///< reading only
};

/// Paths that are names of databases in memory, shared by the connections of this process (SQLite's VFS "memdb").
constexpr std::string_view kMemoryPath = "file:/data_bridge-memory-";

/// Not thread-safe (opened with SQLITE_OPEN_NOMUTEX): its owner serialises.
class SqlConnection {
 public:
  /// `busy_timeout`: how long a call waits for a lock that another connection holds.
  [[nodiscard]] static std::expected<SqlConnection, Error> open(const std::string& path, Access access,
                                                                std::chrono::milliseconds busy_timeout);

  /// Runs statements that return nothing of interest.
  [[nodiscard]] Status execute(const std::string& sql);
  /// `task` in a transaction that writes from its beginning on: all of it or, where it fails, nothing.
  [[nodiscard]] Status in_transaction(const std::function<Status()>& task);
  /// For keeping: planned once, run often.
  [[nodiscard]] std::expected<Statement, Error> prepare(std::string_view sql);
  /// The last call's failure.
  [[nodiscard]] Error last_error() const;
  /// True where the path no longer leads to the file that is open: what is written there would be lost.
  [[nodiscard]] bool file_has_moved() noexcept;
  /// False inside a transaction. SQLite leaves it by itself after some failures (no space, I/O).
  [[nodiscard]] bool in_autocommit() const noexcept { return sqlite3_get_autocommit(handle_.get()) != 0; }
  [[nodiscard]] sqlite3* handle() const noexcept { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
  };
  explicit SqlConnection(sqlite3* handle) noexcept : handle_(handle) {}
  [[nodiscard]] Status check_encoding();
  std::unique_ptr<sqlite3, Close> handle_;
};

/// Binds without copying: `cell` must outlive the statement's next reset.
[[nodiscard]] int bind_cell(sqlite3_stmt* statement, int index, const Cell& cell) noexcept;
[[nodiscard]] int bind_key(sqlite3_stmt* statement, int index, const Key& key) noexcept;

/// An argument of a function; valid as long as it.
[[nodiscard]] CellView read_value(sqlite3_value* value) noexcept;
/// Of the current row of a stepped statement.
[[nodiscard]] CellView read_cell(sqlite3_stmt* statement, int column) noexcept;

/// The current rows of a statement, one after the other in the same memory.
class RowReader {
 public:
  explicit RowReader(sqlite3_stmt* statement)
      : statement_(statement), cells_(static_cast<std::size_t>(sqlite3_column_count(statement))) {}
  /// Valid until the next call and the statement's next step.
  [[nodiscard]] RowView read() noexcept;

 private:
  sqlite3_stmt* statement_;
  std::vector<CellView> cells_;
};

}  // namespace data_bridge::storage::sqlite
