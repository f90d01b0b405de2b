// The SQL of one table, written once when its collection is opened.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "storage/error.hpp"
#include "storage/table.hpp"

namespace data_bridge::storage::sqlite {

/// An identifier in double quotes, safe whatever it holds but NUL.
[[nodiscard]] std::string quote(std::string_view identifier);

/// The names of the columns, where they have none of their own by their fields. SQLite compares names without ASCII
/// case: of fields that differ only in case, those with upper-case letters get a suffix that says which letters they
/// are, so that the order of fields does not matter.
[[nodiscard]] std::vector<std::string> column_names(const Table& table);

/// INTEGER, TEXT, or ANY for kReal: a REAL column would turn -0.0 into 0.0 (a CHECK keeps it to numbers).
[[nodiscard]] std::string_view column_type(ColumnKind kind) noexcept;
/// True where the column is declared NOT NULL. Never for kReal: a NaN has no form but NULL.
[[nodiscard]] bool is_not_null(const Table& table, std::size_t column) noexcept;

struct Index {
  std::string name;
  std::string sql;  ///< CREATE INDEX
  bool unique = false;
  std::vector<std::size_t> columns;
};

struct TableSql {
  /// kInvalidArgument for names that no table can have.
  [[nodiscard]] static std::expected<TableSql, Error> make(const Table& table);

  std::vector<std::string> columns;
  std::vector<std::string> column_definitions;  ///< as CREATE TABLE and ALTER TABLE ADD COLUMN take them
  std::vector<Index> indexes;
  std::string create;
  std::string select;  ///< SELECT and the columns
  std::string from;    ///< FROM and the table
  std::string get;
  std::string list;        ///< ?1 limit
  std::string list_after;  ///< ?1 limit, ?2 the key before the page
  std::string insert;      ///< ?1... the columns
  std::string replace;     ///< ?1... the columns, then the key
  std::string remove;
  std::string greatest_key;  ///< of an integer key: the greatest up to ?1
};

}  // namespace data_bridge::storage::sqlite
