// What a start does not do to tables: copies them into another shape, rewrites values, drops what was named.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "storage/error.hpp"
#include "storage/table.hpp"

namespace data_bridge::storage::sqlite {

/// What may be given up, by names like "items.price", or of an index.
struct MigrationConsent {
  std::vector<std::string> drop{};
  std::vector<std::string> convert{};
};

struct TablePlan {
  std::string table;
  bool only_checked = false;            ///< Table::migrate
  std::vector<std::string> statements;  ///< what would be, or has been, done
  std::vector<std::string> left;        ///< what stays different, and what it would need
};

/// What would be done to the tables of the database at `path`, which need not exist. Changes nothing.
[[nodiscard]] std::expected<std::vector<TablePlan>, Error> plan_migration(const std::string& path,
                                                                          const std::vector<Table>& tables,
                                                                          const MigrationConsent& consent);

/// Does it, in one transaction: all of it or, where a value has no form in its new column, nothing.
[[nodiscard]] std::expected<std::vector<TablePlan>, Error> migrate(const std::string& path,
                                                                   const std::vector<Table>& tables,
                                                                   const MigrationConsent& consent);

}  // namespace data_bridge::storage::sqlite
