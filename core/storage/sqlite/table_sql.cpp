// The SQL of one table, written once when its collection is opened.
#include "storage/sqlite/table_sql.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <map>

#include "storage/sqlite/field_sql.hpp"
#include "storage/sqlite/functions.hpp"
#include "storage/value_order.hpp"
#include "text/characters.hpp"

namespace data_bridge::storage::sqlite {
namespace {

std::string fold(std::string_view name) {
  std::string folded(name);
  std::ranges::transform(folded, folded.begin(), text::to_lower);
  return folded;
}

// Which letters are upper-case, as hexadecimal digits of four letters each.
std::string case_mask(std::string_view name) {
  std::string mask;
  for (std::size_t at = 0; at < name.size(); at += 4) {
    unsigned digit = 0;
    for (std::size_t bit = 0; bit < 4 && at + bit < name.size(); ++bit) {
      digit |= (text::is_upper(name[at + bit]) ? 1U : 0U) << bit;
    }
    mask += text::kHexDigits[digit];
  }
  return mask;
}

std::string literal(const Cell& cell) {
  std::array<char, 32> digits{};
  switch (cell.index()) {
    case 1: {
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), std::get<1>(cell)).ptr;
      return {digits.data(), end};
    }
    case 2: {
      if (std::isinf(std::get<2>(cell))) {
        return std::get<2>(cell) > 0 ? "9e999" : "-9e999";  // SQL has no word for it, but overflows to it
      }
      const auto end =
          std::to_chars(digits.data(), digits.data() + digits.size(), std::get<2>(cell), std::chars_format::scientific)
              .ptr;
      return {digits.data(), end};
    }
    case 3: {
      std::string text = "'";
      for (const char letter : std::get<3>(cell)) {
        text += letter;
        if (letter == '\'') {
          text += letter;
        }
      }
      return text + "'";
    }
    default:
      return "NULL";
  }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string joined;
  for (const std::string& part : parts) {
    joined += joined.empty() ? "" : separator;
    joined += part;
  }
  return joined;
}

std::string definition(const Table& table, std::size_t at, const std::string& name) {
  const Column& column = table.columns[at];
  std::string sql = quote(name) + " " + std::string(column_type(column.kind));
  if (at == table.key_column) {
    // AUTOINCREMENT: the key of a deleted item is never given to another one.
    return sql + (table.key_kind == KeyKind::kInt ? " PRIMARY KEY AUTOINCREMENT" : " PRIMARY KEY NOT NULL");
  }
  if (is_not_null(table, at)) {
    sql += " NOT NULL";
  }
  if (column.kind == ColumnKind::kReal) {
    sql += " CHECK (typeof(" + quote(name) + ") IN ('real', 'integer', 'null'))";
  }
  if (column.default_value && column.default_value->index() != 0) {
    sql += " DEFAULT " + literal(*column.default_value);
  }
  return sql;
}

// What an index has to have for lists in the usual order: it is read in both directions, and has the key at its end.
std::vector<SortedColumn> index_of_sort(const Table& table) {
  std::vector<SortedColumn> sort = table.sort;
  const auto key = std::ranges::find(sort, table.key_column, &SortedColumn::column);
  sort.erase(key, sort.end());
  if (!sort.empty() && sort.back().descending) {
    for (SortedColumn& column : sort) column.descending = !column.descending;
  }
  return sort;
}

struct IndexTerm {
  Field field;
  bool descending = false;
};

IndexTerm term_of(const Table& table, const SortedColumn& column) {
  return {.field = {.column = column.column, .kind = table.columns[column.column].kind},
          .descending = column.descending};
}

// Values that do not sort by their text have an index by another name than they had when they did.
std::string index_name_of(const std::vector<std::string>& columns, const Field& field) {
  std::string name = columns[field.column];
  for (const std::string& member : field.members) name += "." + member;
  const std::string_view order = order_name(order_kind(field));
  return order.empty() ? name : std::string(order) + "(" + name + ")";
}

Status check_names(const Table& table) {
  const auto invalid = [](std::string detail) {
    return std::unexpected(Error{Errc::kInvalidArgument, {}, std::move(detail)});
  };
  if (table.name.empty() || table.name.find('\0') != std::string::npos) {
    return invalid("a table needs a name without NUL");
  }
  if (fold(table.name).starts_with("sqlite_")) {
    return invalid("table \"" + table.name + "\": SQLite keeps names that begin with sqlite_ for itself");
  }
  for (const Column& column : table.columns) {
    if (column.name.empty() || column.own_name().find('\0') != std::string::npos) {
      return invalid("table \"" + table.name + "\": a field needs a name without NUL");
    }
  }
  std::map<std::string, std::size_t> places;
  const std::vector<std::string> names = column_names(table);
  for (std::size_t at = 0; at < names.size(); ++at) {
    const auto [other, is_new] = places.emplace(fold(names[at]), at);
    if (!is_new) {
      return invalid("table \"" + table.name + "\": the fields \"" + table.columns[other->second].name + "\" and \"" +
                     table.columns[at].name + "\" have the same column");
    }
  }
  return {};
}

}  // namespace

std::string quote(std::string_view identifier) {
  std::string quoted = "\"";
  for (const char letter : identifier) {
    quoted += letter;
    if (letter == '"') {
      quoted += letter;
    }
  }
  return quoted + "\"";
}

std::vector<std::string> column_names(const Table& table) {
  std::map<std::string, int> spellings;
  for (const Column& column : table.columns) {
    if (column.stored_name.empty()) ++spellings[fold(column.name)];
  }
  std::vector<std::string> names;
  for (const Column& column : table.columns) {
    std::string name = column.own_name();
    if (const std::string folded = fold(name); column.stored_name.empty() && folded != name && spellings[folded] > 1) {
      name += "$" + case_mask(name);
    }
    names.push_back(std::move(name));
  }
  return names;
}

std::string_view column_type(ColumnKind kind) noexcept {
  switch (kind) {
    case ColumnKind::kInteger:
    case ColumnKind::kBoolean:
      return "INTEGER";
    case ColumnKind::kReal:
      return "ANY";
    case ColumnKind::kText:
    case ColumnKind::kUuid:
    case ColumnKind::kDatetime:
    case ColumnKind::kDate:
    case ColumnKind::kTime:
    case ColumnKind::kDuration:
    case ColumnKind::kDecimal:
    case ColumnKind::kBigInteger:
    case ColumnKind::kJson:
      break;
  }
  return "TEXT";
}

bool is_not_null(const Table& table, std::size_t column) noexcept {
  if (column == table.key_column) {
    return table.key_kind != KeyKind::kInt;
  }
  return !table.columns[column].nullable && table.columns[column].kind != ColumnKind::kReal;
}

std::expected<TableSql, Error> TableSql::make(const Table& table) {
  if (auto checked = check_names(table); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  TableSql sql;
  sql.columns = column_names(table);
  std::vector<std::string> quoted;
  std::vector<std::string> places;
  std::vector<std::string> assignments;
  for (std::size_t at = 0; at < table.columns.size(); ++at) {
    sql.column_definitions.push_back(definition(table, at, sql.columns[at]));
    quoted.push_back(quote(sql.columns[at]));
    places.push_back("?" + std::to_string(at + 1));
    assignments.push_back(quoted.back() + "=" + places.back());
  }
  const std::string name = quote(table.name);
  const std::string key = quoted[table.key_column];
  // Text keys: one B-tree instead of two, and pages of the list lie together.
  const std::string_view options = table.key_kind == KeyKind::kInt ? " STRICT" : " STRICT, WITHOUT ROWID";
  sql.create = "CREATE TABLE " + name + " (" + join(sql.column_definitions, ", ") + ")" + std::string(options);
  sql.select = "SELECT " + join(quoted, ",");
  sql.from = " FROM " + name;
  const std::string select = sql.select + sql.from;
  const std::string last = "?" + std::to_string(table.columns.size() + 1);
  sql.get = select + " WHERE " + key + "=?1";
  sql.list = select + " ORDER BY " + key + " LIMIT ?1";
  sql.list_after = select + " WHERE " + key + ">?2 ORDER BY " + key + " LIMIT ?1";
  sql.insert = "INSERT INTO " + name + " (" + join(quoted, ",") + ") VALUES (" + join(places, ",") + ")";
  sql.replace = "UPDATE " + name + " SET " + join(assignments, ",") + " WHERE " + key + "=" + last;
  sql.greatest_key = "SELECT max(" + key + ") FROM " + name + " WHERE " + key + "<=?1";
  sql.remove = "DELETE FROM " + name + " WHERE " + key + "=?1";

  const auto add_index = [&](const std::vector<IndexTerm>& terms, bool unique) {
    std::vector<std::string> parts;
    std::vector<std::string> names;
    std::vector<std::size_t> indexed;
    for (const auto& [field, descending] : terms) {
      parts.push_back(order_sql(sql.columns, field) + (descending ? " DESC" : ""));
      names.push_back((descending ? "-" : "") + index_name_of(sql.columns, field));
      indexed.push_back(field.column);
    }
    std::string index_name = table.name + (unique ? ".unique." : ".index.") + join(names, ",");
    if (std::ranges::find(sql.indexes, index_name, &Index::name) != sql.indexes.end()) {
      return;
    }
    std::string create = std::string(unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ") + quote(index_name) + " ON " +
                         name + " (" + join(parts, ", ") + ")";
    sql.indexes.push_back(Index{
        .name = std::move(index_name), .sql = std::move(create), .unique = unique, .columns = std::move(indexed)});
  };
  for (const auto& group : table.unique) {
    std::vector<IndexTerm> terms;
    for (const std::size_t column : group) terms.push_back(term_of(table, {.column = column, .descending = false}));
    add_index(terms, true);
  }
  for (const auto& group : table.indexes) {
    std::vector<IndexTerm> terms;
    for (const Field& field : group) terms.push_back({.field = field, .descending = false});
    add_index(terms, false);
  }
  std::vector<IndexTerm> sort;
  for (const SortedColumn& column : index_of_sort(table)) sort.push_back(term_of(table, column));
  if (!sort.empty()) add_index(sort, false);
  return sql;
}

}  // namespace data_bridge::storage::sqlite
