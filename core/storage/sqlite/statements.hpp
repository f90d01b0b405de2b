// The prepared statements of one connection for all tables of a store.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "storage/sqlite/query_statements.hpp"
#include "storage/sqlite/sql_connection.hpp"
#include "storage/sqlite/table_sql.hpp"

namespace data_bridge::storage::sqlite {

enum class StatementKind : std::uint8_t { kGet, kList, kListAfter, kInsert, kReplace, kRemove };

/// Prepares what is asked for at its first use: preparing costs 5 to 8 us, running a kept statement 1 to 2 us.
class Statements {
 public:
  /// `table_id`: small numbers from 0, one per table of the store.
  [[nodiscard]] std::expected<sqlite3_stmt*, Error> get(SqlConnection& connection, std::size_t table_id,
                                                        const TableSql& sql, StatementKind kind) {
    Statement& statement = table(table_id).statements[static_cast<std::size_t>(kind)];
    if (statement == nullptr) {
      auto prepared = connection.prepare(text(sql, kind));
      if (!prepared) {
        return std::unexpected(std::move(prepared.error()));
      }
      statement = std::move(*prepared);
    }
    return statement.get();
  }

  /// True once the greatest key was seen to be far from the end of the integers.
  [[nodiscard]] bool has_room_for_keys(std::size_t table_id) const noexcept {
    return table_id < tables_.size() && tables_[table_id].room_for_keys;
  }
  void set_room_for_keys(std::size_t table_id, bool room) { table(table_id).room_for_keys = room; }

  /// Those of conditions.
  [[nodiscard]] QueryStatements& queries() noexcept { return queries_; }

  void clear() noexcept {
    tables_.clear();
    queries_.clear();
  }

 private:
  static const std::string& text(const TableSql& sql, StatementKind kind) noexcept {
    switch (kind) {
      case StatementKind::kGet:
        return sql.get;
      case StatementKind::kList:
        return sql.list;
      case StatementKind::kListAfter:
        return sql.list_after;
      case StatementKind::kInsert:
        return sql.insert;
      case StatementKind::kReplace:
        return sql.replace;
      case StatementKind::kRemove:
        break;
    }
    return sql.remove;
  }

  struct OfTable {
    std::array<Statement, 6> statements;
    bool room_for_keys = false;
  };

  OfTable& table(std::size_t table_id) {
    if (table_id >= tables_.size()) {
      tables_.resize(table_id + 1);
    }
    return tables_[table_id];
  }

  std::vector<OfTable> tables_;
  QueryStatements queries_;
};

}  // namespace data_bridge::storage::sqlite
