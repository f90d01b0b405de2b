// Which items a list has, in which order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/later/database.hpp"
#include "storage/query.hpp"

namespace data_bridge::storage::later {

struct Page {
  std::vector<Stored> rows;
  std::uint64_t total = 0;  ///< where it was asked for
};

[[nodiscard]] Page find_page(const StoredTable& table, const std::vector<std::size_t>& places, const ListQuery& query);

}  // namespace data_bridge::storage::later
