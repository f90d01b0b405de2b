// A row of our own as a store would show it.
#include "storage/row.hpp"

namespace data_bridge::storage {

CellView view_of(const Cell& cell) noexcept {
  using Type = CellView::Type;
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) {
    return {.type = Type::kInteger, .integer = *integer};
  }
  if (const auto* real = std::get_if<double>(&cell)) {
    return {.type = Type::kReal, .real = *real};
  }
  if (const auto* text = std::get_if<std::string>(&cell)) {
    return {.type = Type::kText, .text = *text};
  }
  return {};
}

std::vector<CellView> view_of(const Row& row) {
  std::vector<CellView> cells;
  cells.reserve(row.size());
  for (const Cell& cell : row) cells.push_back(view_of(cell));
  return cells;
}

Key to_key(const Cell& cell) {
  if (const auto* number = std::get_if<std::int64_t>(&cell)) return *number;
  return std::get<std::string>(cell);
}

Cell to_cell(const CellView& view) {
  switch (view.type) {
    case CellView::Type::kInteger:
      return view.integer;
    case CellView::Type::kReal:
      return view.real;
    case CellView::Type::kText:
      return std::string(view.text);
    case CellView::Type::kNull:
      break;
  }
  return {};
}

}  // namespace data_bridge::storage
