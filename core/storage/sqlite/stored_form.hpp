// Whether a cell is as this release writes it, and what it is where it is not.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/row.hpp"
#include "storage/table.hpp"

namespace data_bridge::storage::sqlite {

enum class Form : std::uint8_t {
  kPresent,
  kEarlier,  ///< the JSON text of a value whose text now stands alone: there is one way to read it
  kForeign,  ///< of a type, or with a text, that no release has written there
};

/// NULL is kPresent. A text that is no value of its kind is, too: defaults are stored that nobody validates.
[[nodiscard]] Form form_of(ColumnKind kind, const CellView& cell);

/// The same value as a column of `kind` has it; nullopt where it has none that is the same to the last digit.
[[nodiscard]] std::optional<Cell> in_present_form(ColumnKind kind, const CellView& cell);

/// What the SQL function calls `kind`: "date".
[[nodiscard]] std::string_view kind_name(ColumnKind kind) noexcept;

/// Makes `data_bridge_convert(x, kind)`, which is in_present_form() and NULL for nullopt, known to a connection.
[[nodiscard]] int register_conversion(sqlite3* handle) noexcept;

}  // namespace data_bridge::storage::sqlite
