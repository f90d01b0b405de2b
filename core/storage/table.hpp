// What a collection must be able to hold: the part of a model that a store has to know.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/row.hpp"

namespace data_bridge::storage {

enum class KeyKind : std::uint8_t {
  kInt,     ///< assigned by the store where absent, increasing, never used twice
  kUuid,    ///< of Table::uuid_version, assigned where absent
  kString,  ///< given by the client
};

/// What a column's values are. All but the first two are text, as Pydantic's JSON mode writes them; where the letters
/// of that do not sort as the values do, storage/value_order.hpp says what they are compared by.
enum class ColumnKind : std::uint8_t {
  kInteger,     ///< 64 bits
  kReal,        ///< also infinite; NaN is NULL
  kText,        ///< compared by code points
  kBoolean,     ///< the integers 0 and 1
  kUuid,        ///< lower case and hyphenated
  kDatetime,    ///< compared as instants: instant_order()
  kDate,        ///< "2024-01-31"
  kTime,        ///< time_order()
  kDuration,    ///< duration_order()
  kDecimal,     ///< decimal_order()
  kBigInteger,  ///< digits of any number; decimal_order()
  kJson,        ///< has no order
};

struct Column {
  std::string name;  ///< the field's name; a store may have to spell it differently
  ColumnKind kind = ColumnKind::kText;
  bool nullable = false;
  /// What rows get that are older than the column. Absent: such rows stop the start, unless it is nullable.
  std::optional<Cell> default_value;
  std::string stored_name{};  ///< the column's own; empty: the field's
  /// What the column was called before. One that is there by this name, and not by its own, is renamed.
  std::string former_name{};

  [[nodiscard]] const std::string& own_name() const noexcept { return stored_name.empty() ? name : stored_name; }
};

/// A column, or a value inside of one that holds JSON. Part of a collection's declaration: no text of a client's.
struct Field {
  std::size_t column = 0;
  std::vector<std::string> members{};  ///< the keys that lead into a kJson column; empty: the column itself
  ColumnKind kind = ColumnKind::kText;
  bool is_list = false;  ///< the value is a list, and `kind` that of its items
  bool nullable = true;

  friend bool operator==(const Field&, const Field&) = default;
};

struct SortedColumn {
  std::size_t column = 0;
  bool descending = false;
};

struct Table {
  std::string name;
  std::vector<Column> columns;
  std::size_t key_column = 0;
  KeyKind key_kind = KeyKind::kInt;
  std::uint8_t uuid_version = 7;  ///< of keys that are assigned (RFC 9562); none is where it cannot be made
  std::vector<std::vector<std::size_t>> unique;  ///< columns that together occur once
  std::vector<std::vector<Field>> indexes;       ///< values to find items by
  std::vector<SortedColumn> sort;                ///< the order that lists mostly have; gets an index
  std::chrono::milliseconds query_timeout{0};    ///< how long a query may take; 0: as long as it likes
  bool migrate = true;                           ///< false: it is somebody else's, and only checked
};

}  // namespace data_bridge::storage
