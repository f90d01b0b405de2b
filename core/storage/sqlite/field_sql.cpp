// A field as an expression of SQL: written alike in queries and in indexes, or no query would use an index.
#include "storage/sqlite/field_sql.hpp"

#include "storage/sqlite/functions.hpp"
#include "storage/sqlite/table_sql.hpp"
#include "storage/value_order.hpp"

namespace data_bridge::storage::sqlite {
namespace {

// A literal of SQL: keys of a declaration, never text of a client's.
std::string literal(std::string_view text) {
  std::string quoted = "'";
  for (const char letter : text) {
    quoted += letter;
    if (letter == '\'') quoted += letter;
  }
  return quoted + "'";
}

}  // namespace

std::string column_sql(const std::vector<std::string>& columns, const Field& field) {
  return quote(columns[field.column]);
}

std::string path_sql(const Field& field) {
  std::string text = "$";
  for (const std::string& member : field.members) text += ".\"" + member + "\"";
  return literal(text);
}

// `->` keeps all of a number and of a text; `->>` would make a double of one and end the other at U+0000.
std::string value_sql(const std::vector<std::string>& columns, const Field& field) {
  const std::string column = column_sql(columns, field);
  if (field.members.empty()) return column;
  const std::string inner = column + "->" + path_sql(field);
  if (field.kind == ColumnKind::kText) return "data_bridge_text(" + inner + ")";
  return order_kind(field) == ColumnKind::kBigInteger ? "(" + inner + ")"
                                                      : "(" + column + "->>" + path_sql(field) + ")";
}

std::string order_sql(const std::vector<std::string>& columns, const Field& field) {
  return order_expression(order_kind(field), value_sql(columns, field));
}

}  // namespace data_bridge::storage::sqlite
