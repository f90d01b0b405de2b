// What differs between a table and what its model needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "storage/sqlite/sql_connection.hpp"
#include "storage/sqlite/table_sql.hpp"

namespace data_bridge::storage::sqlite {

struct ExistingColumn {
  std::string name;  ///< as the model calls it
  std::string type;
  bool not_null = false;
  bool key = false;
  bool has_default = false;
  std::string former{};  ///< what it is called still, where that is another name
};

struct ExistingTable {
  std::string kind;  ///< table, view; empty: there is none
  std::string sql;
  std::vector<ExistingColumn> columns;
  bool has_hidden_columns = false;

  [[nodiscard]] bool is_there() const noexcept { return !kind.empty(); }
  [[nodiscard]] const ExistingColumn* find(const std::string& column) const noexcept;
};

enum class Difference : std::uint8_t {
  kMissing,           ///< `sql` adds it, and touches nothing that is there
  kRenamed,           ///< `drop` and `sql` give a column or an index of the former name its own; nothing is lost
  kExtraColumn,       ///< of the table
  kType,              ///< of a column
  kNullability,       ///< of a column
  kRequiredColumn,    ///< is missing, and old rows have no value for it
  kEarlierForm,       ///< of values
  kForeignValues,     ///< in a column
  kOtherIndex,        ///< of a name that the model needs for another one
  kUnnecessaryIndex,  ///< of ours, which the model does not need any more: the one difference that ends no start
  kHopeless,          ///< the key, or no table at all
};

struct TableDifference {
  Difference kind = Difference::kMissing;
  std::string name;  ///< of the column or index; of neither: empty
  std::string text;  ///< for a programmer
  std::string sql{};
  std::string drop{};  ///< before that
};

struct TableDifferences {
  ExistingTable existing;
  std::vector<TableDifference> found;
};

/// Which rows are looked at for values in another form.
enum class LookAt : std::uint8_t { kFirstAndLast, kAll };

[[nodiscard]] std::expected<TableDifferences, Error> find_differences(SqlConnection& connection, const Table& table,
                                                                      const TableSql& sql, LookAt rows);

/// The SQL of an index or a trigger as it is once the columns of `table` have the names that the model calls them by.
[[nodiscard]] std::string with_own_names(const ExistingTable& table, std::string sql);

/// A key in a text.
[[nodiscard]] std::string key_text(const CellView& key);

}  // namespace data_bridge::storage::sqlite
