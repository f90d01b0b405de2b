// A table with a column of each kind, and conditions, orders and pages of it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "storage/contract/test_support.hpp"
#include "storage/query.hpp"
#include "storage/table.hpp"

namespace data_bridge::storage::contract {

enum Place : std::size_t {
  kId,
  kName,
  kPrice,
  kNumber,
  kFlag,
  kMade,
  kDay,
  kHour,
  kTook,
  kCost,
  kBig,
  kTicket,
  kDocument,
  kPlaces
};

inline Column column(std::string name, ColumnKind kind, bool nullable = true) {
  return {.name = std::move(name), .kind = kind, .nullable = nullable, .default_value = {}};
}

/// All but the key may be NULL.
inline Table things() {
  Table table;
  table.name = "things";
  table.columns = {column("id", ColumnKind::kInteger),     column("name", ColumnKind::kText),
                   column("price", ColumnKind::kReal),     column("number", ColumnKind::kInteger),
                   column("flag", ColumnKind::kBoolean),   column("made", ColumnKind::kDatetime),
                   column("day", ColumnKind::kDate),       column("hour", ColumnKind::kTime),
                   column("took", ColumnKind::kDuration),  column("cost", ColumnKind::kDecimal),
                   column("big", ColumnKind::kBigInteger), column("ticket", ColumnKind::kUuid),
                   column("document", ColumnKind::kJson)};
  return table;
}

/// A row that is NULL but for these.
inline Row thing(std::vector<std::pair<Place, Cell>> cells = {}) {
  Row row(kPlaces);
  for (auto& [place, cell] : cells) row[place] = std::move(cell);
  return row;
}

inline Field field(Place place) {
  return {.column = place, .members = {}, .kind = things().columns[place].kind, .nullable = place != kId};
}
inline Field inner(std::string member, ColumnKind kind, bool is_list = false) {
  return {.column = kDocument, .members = {std::move(member)}, .kind = kind, .is_list = is_list};
}
inline Condition test(Field of, Operator op, std::vector<Cell> values) {
  return {.type = Condition::Type::kTest, .field = std::move(of), .op = op, .values = std::move(values)};
}
inline Condition negation(Condition part) { return {.type = Condition::Type::kNot, .parts = {std::move(part)}}; }
inline SortTerm ascending(Field of) { return {.field = std::move(of), .descending = false}; }
inline SortTerm descending(Field of) { return {.field = std::move(of), .descending = true}; }

/// Walks through all pages of `size` in the order of `query`.
inline std::vector<Row> walk(Collection& items, ListQuery query, std::size_t size) {
  std::vector<Row> rows;
  query.limit = size;
  for (;;) {
    const Found page = wait_for_list(items, query);
    EXPECT_TRUE(page.count.has_value());
    rows.insert(rows.end(), page.rows.begin(), page.rows.end());
    const bool repeats = rows.size() > 1'000;
    EXPECT_FALSE(repeats) << "pages that never end";
    if (page.rows.size() < size || repeats) return rows;
    query.after.clear();
    std::size_t behind = kPlaces;
    for (const SortTerm& term : query.sort) {
      query.after.push_back(term.field.members.empty() ? rows.back()[term.field.column] : rows.back()[behind++]);
    }
    if (query.sort.empty()) query.after.push_back(rows.back()[kId]);
  }
}

}  // namespace data_bridge::storage::contract
