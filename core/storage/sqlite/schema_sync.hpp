// Brings a table to what its model needs, or says why it cannot.
#pragma once

#include <expected>

#include "storage/sqlite/sql_connection.hpp"
#include "storage/sqlite/table_sql.hpp"

namespace data_bridge::storage::sqlite {

/// In one transaction, so that several processes may start at once. Creates, adds; never drops or rewrites.
[[nodiscard]] Status sync_table(SqlConnection& connection, const Table& table, const TableSql& sql);

}  // namespace data_bridge::storage::sqlite
