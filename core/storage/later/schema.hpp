// Brings a table to what its model needs, or says why it cannot.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <vector>

#include "storage/error.hpp"
#include "storage/later/database.hpp"

namespace data_bridge::storage::later {

struct Mount {
  std::shared_ptr<StoredTable> table;
  std::vector<std::size_t> places;  ///< where each column of the model is in the rows of the table
};

[[nodiscard]] std::expected<Mount, Error> mount(Database& database, const Table& table);

/// Whether a column takes no NULL: a NaN is one, and the key of KeyKind::kInt is assigned for one.
[[nodiscard]] bool is_not_null(const Column& column, bool is_key, KeyKind key_kind) noexcept;

}  // namespace data_bridge::storage::later
