// What the cells of an item are compared by.
#pragma once

#include <compare>

#include "storage/row.hpp"
#include "storage/table.hpp"

namespace data_bridge::storage::later {

/// What a value of `kind` is compared by; NULL where its text is no such value.
[[nodiscard]] Cell order_value(ColumnKind kind, const Cell& cell);

/// NULL, then numbers (an integer and a real to the last bit), then texts by their bytes.
[[nodiscard]] std::weak_ordering compare(const Cell& left, const Cell& right) noexcept;

struct RowLess {
  [[nodiscard]] bool operator()(const Row& left, const Row& right) const noexcept;
};

}  // namespace data_bridge::storage::later
