// Brings a table to what its model needs, or says why it cannot.
#pragma once

#include <expected>

#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/table_sql.hpp"

namespace data_bridge::storage::sqlite {

/// In one transaction, so that several processes may start at once. Creates, adds; never drops or rewrites.
[[nodiscard]] std::expected<void, Error> sync_table(Connection& connection, const Table& table, const TableSql& sql);

}  // namespace data_bridge::storage::sqlite
