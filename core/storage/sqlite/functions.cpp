// What SQL cannot say by itself: comparing values as what they are, and parts of texts.
#include "storage/sqlite/functions.hpp"

#include <algorithm>
#include <cstdint>
#include <new>
#include <optional>

#include "json/parser.hpp"
#include "storage/value_order.hpp"
#include "text/unicode_case.hpp"

namespace data_bridge::storage::sqlite {
namespace {

// As a blob: text would be copied to end with a NUL, and length() stops at one.
std::string_view text_of(sqlite3_value* value) noexcept {
  const auto* const bytes = static_cast<const char*>(sqlite3_value_blob(value));
  return {bytes, bytes == nullptr ? 0 : static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

bool is_null(sqlite3_value* value) noexcept { return sqlite3_value_type(value) == SQLITE_NULL; }

void result(sqlite3_context* context, const std::optional<std::int64_t>& order) noexcept {
  if (order) sqlite3_result_int64(context, *order);
}

void result(sqlite3_context* context, const std::optional<std::string>& order) noexcept {
  if (order) sqlite3_result_text64(context, order->data(), order->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

// SQLite is C: no exception may pass it. A function that sets no result gives NULL.
template <auto kFunction>
void convert(sqlite3_context* context, int, sqlite3_value** arguments) noexcept {
  if (is_null(arguments[0])) return;
  try {
    result(context, kFunction(text_of(arguments[0])));
  } catch (const std::bad_alloc&) {
    sqlite3_result_error_nomem(context);
  }
}

bool contains(std::string_view text, std::string_view part) noexcept {
  return text.find(part) != std::string_view::npos;
}

bool contains_any_case(std::string_view text, std::string_view part) {
  return text::to_upper(text).find(part) != std::string::npos;
}

bool ends_with(std::string_view text, std::string_view part) noexcept { return text.ends_with(part); }

std::optional<std::string> text_of_json(std::string_view document) {
  if (document.size() >= 2 && document.front() == '"' && document.find('\\') == std::string_view::npos) {
    return std::string(document.substr(1, document.size() - 2));
  }
  json::Arena arena;
  const auto value = json::parse(document, arena);
  if (!value || !value->is_string()) return std::nullopt;
  return std::string(value->as_string());
}

bool has_text(std::string_view document, std::string_view text) {
  json::Arena arena;
  const auto list = json::parse(document, arena);
  return list && list->is_array() && std::ranges::any_of(list->items(), [text](const json::Value& item) {
           return item.is_string() && item.as_string() == text;
         });
}

template <auto kTest>
void test(sqlite3_context* context, int, sqlite3_value** arguments) noexcept {
  if (is_null(arguments[0]) || is_null(arguments[1])) return;
  try {
    sqlite3_result_int(context, kTest(text_of(arguments[0]), text_of(arguments[1])) ? 1 : 0);
  } catch (const std::bad_alloc&) {
    sqlite3_result_error_nomem(context);
  }
}

}  // namespace

int register_functions(sqlite3* handle) noexcept {
  using Function = void (*)(sqlite3_context*, int, sqlite3_value**);
  struct Known {
    const char* name;
    int arguments;
    Function function;
  };
  static constexpr Known kKnown[] = {
      {"data_bridge_instant", 1, convert<instant_order>},
      {"data_bridge_time", 1, convert<time_order>},
      {"data_bridge_duration", 1, convert<duration_order>},
      {"data_bridge_decimal", 1, convert<decimal_order>},
      {"data_bridge_text", 1, convert<text_of_json>},
      {"data_bridge_has_text", 2, test<has_text>},
      {"data_bridge_contains", 2, test<contains>},
      {"data_bridge_contains_any_case", 2, test<contains_any_case>},
      {"data_bridge_ends_with", 2, test<ends_with>},
  };
  for (const Known& known : kKnown) {
    const int done = sqlite3_create_function_v2(handle, known.name, known.arguments,
                                                SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, nullptr,
                                                known.function, nullptr, nullptr, nullptr);
    if (done != SQLITE_OK) return done;
  }
  return SQLITE_OK;
}

std::string_view order_name(ColumnKind kind) noexcept {
  switch (kind) {
    case ColumnKind::kDatetime:
      return "instant";
    case ColumnKind::kTime:
      return "time";
    case ColumnKind::kDuration:
      return "duration";
    case ColumnKind::kDecimal:
    case ColumnKind::kBigInteger:
      return "decimal";
    case ColumnKind::kInteger:
    case ColumnKind::kReal:
    case ColumnKind::kText:
    case ColumnKind::kBoolean:
    case ColumnKind::kUuid:
    case ColumnKind::kDate:
    case ColumnKind::kJson:
      break;
  }
  return {};
}

std::string order_expression(ColumnKind kind, const std::string& expression) {
  const std::string_view name = order_name(kind);
  return name.empty() ? expression : "data_bridge_" + std::string(name) + "(" + expression + ")";
}

}  // namespace data_bridge::storage::sqlite
