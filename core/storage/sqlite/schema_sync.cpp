// Brings a table to what its model needs, or says why it cannot.
#include "storage/sqlite/schema_sync.hpp"

#include <string>

#include "storage/sqlite/schema_diff.hpp"

namespace data_bridge::storage::sqlite {
namespace {

std::unexpected<Error> mismatch(const Table& table, const std::string& detail) {
  return std::unexpected(Error{Errc::kSchemaMismatch,
                               {},
                               "table \"" + table.name + "\" does not fit its model: " + detail +
                                   R"(; "data-bridge store plan" shows what can be done about it)"});
}

bool is_done_at_start(const Table& table, const TableDifference& difference) noexcept {
  return (difference.kind == Difference::kMissing || difference.kind == Difference::kRenamed) && table.migrate;
}

Status sync_inside(SqlConnection& connection, const Table& table, const TableSql& sql) {
  const auto differences = find_differences(connection, table, sql, LookAt::kFirstAndLast);
  if (!differences) return std::unexpected(differences.error());
  for (const TableDifference& difference : differences->found) {
    if (!is_done_at_start(table, difference) && difference.kind != Difference::kUnnecessaryIndex) {
      return mismatch(table, difference.text);
    }
  }
  for (const TableDifference& difference : differences->found) {
    if (!is_done_at_start(table, difference)) continue;
    if (!difference.drop.empty()) {
      if (auto dropped = connection.execute(difference.drop); !dropped) return dropped;
    }
    if (auto added = connection.execute(difference.sql); !added) return explained(table, difference, added.error());
  }
  return {};
}

}  // namespace

std::unexpected<Error> explained(const Table& table, const TableDifference& difference, const Error& error) {
  if (error.code != Errc::kConflict) return std::unexpected(error);
  return mismatch(table, "index \"" + difference.name + "\" cannot be unique, its items already hold equal values");
}

Status sync_table(SqlConnection& connection, const Table& table, const TableSql& sql) {
  return connection.in_transaction([&] { return sync_inside(connection, table, sql); });
}

}  // namespace data_bridge::storage::sqlite
