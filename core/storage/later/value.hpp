// How the cells of items are compared, once storage::order_value() has made them of one kind.
#pragma once

#include <compare>

#include "storage/row.hpp"

namespace data_bridge::storage::later {

/// NULL, then numbers (an integer and a real to the last bit), then texts by their bytes.
[[nodiscard]] std::weak_ordering compare(const Cell& left, const Cell& right) noexcept;

struct RowLess {
  [[nodiscard]] bool operator()(const Row& left, const Row& right) const noexcept;
};

}  // namespace data_bridge::storage::later
