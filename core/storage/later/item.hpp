// A stored row as one mount of its table sees it, and the values within.
#pragma once

#include <cstddef>
#include <vector>

#include "storage/row.hpp"
#include "storage/table.hpp"

namespace data_bridge::storage::later {

class Item {
 public:
  /// `places`: where each column of the mount is in `row`.
  Item(const Row& row, const std::vector<std::size_t>& places) noexcept : row_(row), places_(places) {}

  [[nodiscard]] const Cell& operator[](std::size_t column) const noexcept { return row_[places_[column]]; }
  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }

 private:
  const Row& row_;
  const std::vector<std::size_t>& places_;
};

/// The field's value; NULL where a document has none of its kind there.
[[nodiscard]] Cell value_of(const Item& item, const Field& field);

/// What the value is compared by.
[[nodiscard]] Cell order_value(const Item& item, const Field& field);

/// Whether there is nothing at all, or null.
[[nodiscard]] bool is_null(const Item& item, const Field& field);

/// Of a field that is a list: whether `value` is one of its items.
[[nodiscard]] bool list_contains(const Item& item, const Field& field, const Cell& value);

}  // namespace data_bridge::storage::later
