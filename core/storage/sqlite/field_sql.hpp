// A field as an expression of SQL: written alike in queries and in indexes, or no query would use an index.
#pragma once

#include <string>
#include <vector>

#include "storage/table.hpp"

namespace data_bridge::storage::sqlite {

/// `columns`: the names of the table's columns, see column_names().
[[nodiscard]] std::string column_sql(const std::vector<std::string>& columns, const Field& field);

/// Where in its document a field is, as a literal: '$."city"'.
[[nodiscard]] std::string path_sql(const Field& field);

/// The value as the column or the document has it.
[[nodiscard]] std::string value_sql(const std::vector<std::string>& columns, const Field& field);

/// What the value is compared by.
[[nodiscard]] std::string order_sql(const std::vector<std::string>& columns, const Field& field);

}  // namespace data_bridge::storage::sqlite
