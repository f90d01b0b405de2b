// Keys, cells and rows as they travel between a collection and its callers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
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

/// A cell where the store has it.
struct CellView {
  enum class Type : std::uint8_t { kNull, kInteger, kReal, kText };
  Type type = Type::kNull;
  std::int64_t integer = 0;  ///< of kInteger
  double real = 0;           ///< of kReal
  std::string_view text{};   ///< of kText

  [[nodiscard]] bool is_null() const noexcept { return type == Type::kNull; }
  /// A number of either type; a store may keep 3.0 as 3.
  [[nodiscard]] double number() const noexcept { return type == Type::kInteger ? static_cast<double>(integer) : real; }
};

/// One cell for each Column of the collection, in their order. Valid during the call that hands it over.
///
/// All at once: a page of 20 rows has more than a hundred cells, too many for a virtual call each.
using RowView = std::span<const CellView>;

/// A row as a store would show it. Points into `row`.
[[nodiscard]] std::vector<CellView> view_of(const Row& row);
/// Points into `cell`.
[[nodiscard]] CellView view_of(const Cell& cell) noexcept;

/// A cell that is not NULL as a key.
[[nodiscard]] Key to_key(const Cell& cell);

/// A copy of what a view shows.
[[nodiscard]] Cell to_cell(const CellView& view);

/// Receives rows in the order of the query.
class RowVisitor {
 public:
  /// False: no further row is wanted.
  virtual bool on_row(RowView row) = 0;

 protected:
  ~RowVisitor() = default;
};

}  // namespace data_bridge::storage
