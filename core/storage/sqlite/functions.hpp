// What SQL cannot say by itself: comparing values as what they are, and parts of texts.
#pragma once

#include <sqlite3.h>

#include <string>
#include <string_view>

#include "storage/table.hpp"

namespace data_bridge::storage::sqlite {

/// Makes the functions known to a connection, all of them deterministic:
/// `data_bridge_instant`, `_time`, `_duration`, `_decimal` (what a text is compared by, see value_order.hpp) and
/// `data_bridge_contains`, `_contains_any_case` (of a part in upper case), `_ends_with`, of a text and a part of it;
/// `data_bridge_text` (of a string of JSON) and `_has_text` (whether a list of JSON has this one among its items):
/// SQLite's own end a string at U+0000. NULL of NULL, and of text that is no such value. SQLITE_OK, or why not.
[[nodiscard]] int register_functions(sqlite3* handle) noexcept;

/// What values of `kind` are compared by, order_value(): `expression` itself, or a function of it.
[[nodiscard]] std::string order_expression(ColumnKind kind, const std::string& expression);

/// The function of order_expression() without its prefix: "instant"; empty where there is none.
[[nodiscard]] std::string_view order_name(ColumnKind kind) noexcept;

}  // namespace data_bridge::storage::sqlite
