// The integer keys of a table that AUTOINCREMENT cannot give any more.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "storage/sqlite/sql_connection.hpp"
#include "storage/sqlite/table_sql.hpp"

namespace data_bridge::storage::sqlite {

/// Looks at AUTOINCREMENT's book-keeping (the table sqlite_sequence, which SQLite lets applications change) and at the
/// table. Within a transaction that writes.
class KeySequence {
 public:
  KeySequence(SqlConnection& connection, const std::string& table, const TableSql& sql) noexcept
      : connection_(connection), table_(table), sql_(sql) {}

  /// nullopt: no key is beyond `last`, and AUTOINCREMENT may go on by itself. Else the key to insert.
  [[nodiscard]] std::expected<std::optional<std::int64_t>, Error> next(std::int64_t last);

 private:
  /// The one integer that `sql` gives; 0 where it gives none.
  [[nodiscard]] std::expected<std::int64_t, Error> number(const std::string& sql, const Cell& parameter);

  SqlConnection& connection_;
  const std::string& table_;
  const TableSql& sql_;
};

}  // namespace data_bridge::storage::sqlite
