// What a collection must be able to hold: the part of a model that a store has to know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/row.hpp"

namespace data_bridge::storage {

enum class KeyKind : std::uint8_t {
  kInt,     ///< assigned by the store where absent, increasing, never used twice
  kUuid,    ///< version 7 (RFC 9562), assigned where absent
  kString,  ///< given by the client
};

enum class ColumnKind : std::uint8_t { kInteger, kReal, kText, kBoolean, kUuid, kDatetime, kJson };

struct Column {
  std::string name;  ///< the field's name; a store may have to spell it differently
  ColumnKind kind = ColumnKind::kText;
  bool nullable = false;
  /// What rows get that are older than the column. Absent: such rows stop the start, unless it is nullable.
  std::optional<Cell> default_value;
};

struct Table {
  std::string name;
  std::vector<Column> columns;
  std::size_t key_column = 0;
  KeyKind key_kind = KeyKind::kInt;
  std::vector<std::vector<std::size_t>> unique;   ///< columns that together occur once
  std::vector<std::vector<std::size_t>> indexes;  ///< columns to find items by
};

}  // namespace data_bridge::storage
