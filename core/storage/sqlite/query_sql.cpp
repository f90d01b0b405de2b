// A ListQuery as SQL: its shape as text, its values as parameters.
#include "storage/sqlite/query_sql.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "storage/sqlite/field_sql.hpp"
#include "storage/sqlite/functions.hpp"
#include "storage/value_order.hpp"
#include "text/unicode_case.hpp"

namespace data_bridge::storage::sqlite {
namespace {

bool is_null(const Cell& cell) noexcept { return cell.index() == 0; }

class Builder {
 public:
  Builder(const Table& table, const TableSql& sql) noexcept : table_(table), sql_(sql) {}

  QuerySql list(const ListQuery& query, bool only_nulls_of_first) {
    std::string text;
    text.reserve(sql_.list_after.size() + kMostOfQueries);
    text = sql_.select;
    for (const SortTerm& term : query.sort) {
      if (!term.field.members.empty()) text += "," + shown(term.field);
    }
    text += sql_.from;
    std::string where = query.condition ? condition(*query.condition) : "";
    const auto require = [&where](const std::string& more) { where += (where.empty() ? "" : " AND ") + more; };
    if (only_nulls_of_first) {
      require(order(query.sort.front().field) + " IS NULL");
    } else if (!query.after.empty()) {
      require(after(query));
    }
    if (!where.empty()) text.append(" WHERE ").append(where);
    std::string_view before = " ORDER BY ";
    for (const SortTerm& term : query.sort) {
      if (only_nulls_of_first && &term == query.sort.data()) continue;  // all the same
      text.append(before).append(order(term.field)).append(term.descending ? " DESC" : "");
      before = ",";
    }
    text += " LIMIT " + parameter(static_cast<std::int64_t>(query.limit));
    if (query.offset != 0) text += " OFFSET " + parameter(static_cast<std::int64_t>(query.offset));
    return {std::move(text), std::move(parameters_)};
  }

  QuerySql count(const std::optional<Condition>& asked) {
    std::string text = "SELECT count(*)" + sql_.from;
    if (asked) text += " WHERE " + condition(*asked);
    return {std::move(text), std::move(parameters_)};
  }

  QuerySql remove(const Condition& asked, std::size_t limit) {
    const std::string key = quote(sql_.columns[table_.key_column]);
    std::string text = "DELETE" + sql_.from + " WHERE " + key + " IN (SELECT " + key + sql_.from + " WHERE ";
    text += condition(asked) + " LIMIT " + parameter(static_cast<std::int64_t>(limit)) + ")";
    return {std::move(text), std::move(parameters_)};
  }

 private:
  std::string parameter(Cell cell) {
    parameters_.push_back(std::move(cell));
    return "?" + std::to_string(parameters_.size());
  }
  std::string parameter(const Field& field, const Cell& cell) {
    return parameter(order_value(order_kind(field), cell));
  }

  std::string column(const Field& field) const { return column_sql(sql_.columns, field); }
  std::string raw(const Field& field) const { return value_sql(sql_.columns, field); }
  std::string order(const Field& field) const { return order_sql(sql_.columns, field); }

  // Of null `->` makes the text "null", which a cursor would take for a value.
  std::string shown(const Field& field) const {
    return order_kind(field) == ColumnKind::kBigInteger ? "nullif(" + raw(field) + ",'null')" : raw(field);
  }

  std::string condition(const Condition& asked) {
    switch (asked.type) {
      case Condition::Type::kTest:
        return asked.field.is_list && asked.op == Operator::kContains ? item_test(asked) : test(asked);
      case Condition::Type::kAll:
        return join(asked.parts, " AND ", "1");
      case Condition::Type::kAny:
        return join(asked.parts, " OR ", "0");
      case Condition::Type::kNot:
        break;
    }
    // A comparison with NULL is neither true nor false; the opposite of what does not hold has to hold.
    return "NOT ifnull(" + condition(asked.parts.front()) + ",0)";
  }

  std::string join(const std::vector<Condition>& parts, std::string_view separator, std::string_view none) {
    if (parts.empty()) return std::string(none);
    std::string text = "(";
    for (const Condition& part : parts) {
      if (&part != parts.data()) text += separator;
      text += condition(part);
    }
    return text + ")";
  }

  std::string test(const Condition& asked) {
    const Field& field = asked.field;
    const Cell& value = asked.values.empty() ? kNull : asked.values.front();
    switch (asked.op) {
      case Operator::kEqual:
        return is_null(value) ? order(field) + " IS NULL" : compare(asked, "=");
      case Operator::kNotEqual:
        if (is_null(value)) return order(field) + " IS NOT NULL";
        return compare(asked, field.nullable ? " IS NOT " : "<>");
      case Operator::kLess:
        return compare(asked, "<");
      case Operator::kLessEqual:
        return compare(asked, "<=");
      case Operator::kGreater:
        return compare(asked, ">");
      case Operator::kGreaterEqual:
        return compare(asked, ">=");
      case Operator::kIn:
      case Operator::kNotIn:
        return among(asked);
      case Operator::kContains:
        return "data_bridge_contains(" + raw(field) + "," + parameter(value) + ")";
      case Operator::kContainsAnyCase:
        return "data_bridge_contains_any_case(" + raw(field) + "," +
               parameter(text::to_upper(std::get<std::string>(value))) + ")";
      case Operator::kStartsWith: {
        // A range, for the sake of an index: no UTF-8 has a byte FF.
        const auto& prefix = std::get<std::string>(value);
        const std::string from = parameter(prefix);
        return "(" + raw(field) + ">=" + from + " AND " + raw(field) + "<" + parameter(prefix + '\xFF') + ")";
      }
      case Operator::kEndsWith:
        return "data_bridge_ends_with(" + raw(field) + "," + parameter(value) + ")";
      case Operator::kIsNull:
        break;
    }
    const bool wants_null = value != Cell(std::int64_t{0});
    const std::string found =
        field.members.empty() ? column(field) : "(" + column(field) + "->>" + path_sql(field) + ")";
    if (!wants_null) return found + " IS NOT NULL";
    // What is null is compared by nothing either: said as well, for the sake of an index.
    const std::string compared = field.is_list || field.kind == ColumnKind::kJson ? found : order(field);
    return (compared == found ? "" : compared + " IS NULL AND ") + found + " IS NULL";
  }

  std::string compare(const Condition& asked, std::string_view sign) {
    return order(asked.field) + std::string(sign) + parameter(asked.field, asked.values.front());
  }

  std::string among(const Condition& asked) {
    const bool wanted = asked.op == Operator::kIn;
    std::string list;
    bool has_null = false;
    for (const Cell& value : asked.values) {
      if (is_null(value)) {
        has_null = true;
        continue;
      }
      list += (list.empty() ? "" : ",") + parameter(asked.field, value);
    }
    const std::string found = order(asked.field);
    const std::string null_test = found + (wanted == has_null ? " IS NULL" : " IS NOT NULL");
    if (list.empty()) return has_null ? null_test : wanted ? "0" : "1";
    const std::string test = found + (wanted ? " IN (" : " NOT IN (") + list + ")";
    // Whether a null is wanted: among the values of `in`, not among those of `nin`.
    return wanted == has_null ? "(" + found + " IS NULL OR " + test + ")" : test;
  }

  std::string item_test(const Condition& asked) {
    if (asked.field.kind == ColumnKind::kText) {
      return "data_bridge_has_text(" + column(asked.field) + "->" + path_sql(asked.field) + "," +
             parameter(asked.values.front()) + ")";
    }
    // Named with its table: json_each() has columns of its own, "value" and "key" among them.
    const std::string document = quote(table_.name) + "." + column(asked.field);
    const Cell& value = asked.values.front();
    std::string found = "items.value";
    ColumnKind kind = asked.field.kind;
    if (kind == ColumnKind::kInteger && value.index() == 3) {  // beyond 64 bits json_each() makes it a double
      kind = ColumnKind::kBigInteger;
      found = document + "->items.fullkey";
    }
    return "EXISTS (SELECT 1 FROM json_each(" + document + "," + path_sql(asked.field) + ") AS items WHERE " +
           order_expression(kind, found) + "=" + parameter(order_value(kind, value)) + ")";
  }

  // What comes behind the item that had these values, in the order of the terms: the first differs in the right
  // direction, or it is equal and so on with the second. In front of it the range of the first, for an index.
  std::string after(const ListQuery& query) {
    const SortTerm& first = query.sort.front();
    const Cell& value = query.after.front();
    std::string text;
    if (!is_null(value)) {
      text = order(first.field) + (first.descending ? "<=" : ">=") + parameter(first.field, value) + " AND ";
    }
    return text + after(query, 0);
  }

  std::string after(const ListQuery& query, std::size_t at) {
    const SortTerm& term = query.sort[at];
    const Cell& value = query.after[at];
    const std::string found = order(term.field);
    std::string beyond;
    if (is_null(value)) {
      beyond = term.descending ? "" : found + " IS NOT NULL";
    } else {
      beyond = found + (term.descending ? "<" : ">") + parameter(term.field, value);
      // The nulls of the first term are a query of their own, see list_sql().
      if (term.descending && term.field.nullable && at != 0) beyond = "(" + beyond + " OR " + found + " IS NULL)";
    }
    if (at + 1 == query.sort.size()) return beyond.empty() ? "0" : beyond;
    const std::string same = found + (is_null(value) ? std::string(" IS NULL") : "=" + parameter(term.field, value));
    const std::string tied = same + " AND " + after(query, at + 1);
    return beyond.empty() ? "(" + tied + ")" : "(" + beyond + " OR (" + tied + "))";
  }

  static inline const Cell kNull{};
  // How much longer most queries are than the plain one, in bytes.
  static constexpr std::size_t kMostOfQueries = 160;

  const Table& table_;
  const TableSql& sql_;
  std::vector<Cell> parameters_;
};

}  // namespace

std::vector<QuerySql> list_sql(const Table& table, const TableSql& sql, const ListQuery& asked) {
  ListQuery query = asked;
  if (query.sort.empty()) {
    const Column& key = table.columns[table.key_column];
    query.sort.push_back(
        {.field = {.column = table.key_column, .members = {}, .kind = key.kind, .is_list = false, .nullable = false},
         .descending = false});
  }
  std::vector<QuerySql> statements{Builder(table, sql).list(query, false)};
  const SortTerm& first = query.sort.front();
  if (!query.after.empty() && first.descending && first.field.nullable && !is_null(query.after.front())) {
    statements.push_back(Builder(table, sql).list(query, true));
  }
  return statements;
}

QuerySql count_sql(const Table& table, const TableSql& sql, const std::optional<Condition>& condition) {
  return Builder(table, sql).count(condition);
}

QuerySql remove_sql(const Table& table, const TableSql& sql, const Condition& condition, std::size_t limit) {
  return Builder(table, sql).remove(condition, limit);
}

}  // namespace data_bridge::storage::sqlite
