// Brings a table to what its model needs, or says why it cannot.
#pragma once

#include <expected>

#include "storage/sqlite/schema_diff.hpp"
#include "storage/sqlite/sql_connection.hpp"
#include "storage/sqlite/table_sql.hpp"

namespace data_bridge::storage::sqlite {

/// In one transaction, so that several processes may start at once. Creates and adds, where the table may be changed at
/// all; never drops or rewrites.
[[nodiscard]] Status sync_table(SqlConnection& connection, const Table& table, const TableSql& sql);

/// Why `difference` could not be added, in a programmer's words where it is the items' fault.
[[nodiscard]] std::unexpected<Error> explained(const Table& table, const TableDifference& difference,
                                               const Error& error);

}  // namespace data_bridge::storage::sqlite
