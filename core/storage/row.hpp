// Keys, cells and rows as they travel between a collection and its callers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace data_bridge::storage {

/// A key of KeyKind::kInt as a number, any other as text (a UUID lower-case and hyphenated).
using Key = std::variant<std::int64_t, std::string>;

/// monostate: NULL. Booleans are 0 and 1; JSON, UUIDs and datetimes are text.
using Cell = std::variant<std::monostate, std::int64_t, double, std::string>;

/// One cell for each Column of the collection, in their order.
using Row = std::vector<Cell>;

/// A row where the store has it. Valid during the call that hands it over; text() until the next call of
/// text() for the same column.
class RowView {
 public:
  [[nodiscard]] virtual bool is_null(std::size_t column) const noexcept = 0;
  [[nodiscard]] virtual std::int64_t integer(std::size_t column) const noexcept = 0;
  [[nodiscard]] virtual double real(std::size_t column) const noexcept = 0;
  [[nodiscard]] virtual std::string_view text(std::size_t column) const noexcept = 0;

 protected:
  ~RowView() = default;
};

/// Receives rows in the order of the query.
class RowVisitor {
 public:
  virtual void on_row(const RowView& row) = 0;

 protected:
  ~RowVisitor() = default;
};

}  // namespace data_bridge::storage
