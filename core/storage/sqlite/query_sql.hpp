// A ListQuery as SQL: its shape as text, its values as parameters.
#pragma once

#include <string>
#include <vector>

#include "storage/query.hpp"
#include "storage/row.hpp"
#include "storage/sqlite/table_sql.hpp"
#include "storage/table.hpp"

namespace data_bridge::storage::sqlite {

/// A statement and what is bound to its parameters ?1, ?2 ... No value of a client's is ever part of the text, so that
/// queries of one shape share a prepared statement.
struct QuerySql {
  std::string text;
  std::vector<Cell> parameters;
};

/// To be run one after the other until the limit is reached. Two where a page goes on within a descending nullable
/// column, whose nulls come last: as one condition (`x < ? OR x IS NULL`) they would have no range on an index.
[[nodiscard]] std::vector<QuerySql> list_sql(const Table& table, const TableSql& sql, const ListQuery& query);

/// One row with the number.
[[nodiscard]] QuerySql count_sql(const Table& table, const TableSql& sql, const std::optional<Condition>& condition);

/// Removes up to `limit` of the items that `condition` holds for.
[[nodiscard]] QuerySql remove_sql(const Table& table, const TableSql& sql, const Condition& condition,
                                  std::size_t limit);

}  // namespace data_bridge::storage::sqlite
