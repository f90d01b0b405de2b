// Whether a cell is as this release writes it, and what it is where it is not.
#include "storage/sqlite/stored_form.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

#include "json/parser.hpp"
#include "json/writer.hpp"
#include "storage/sqlite/sql_connection.hpp"
#include "storage/value_order.hpp"
#include "text/characters.hpp"
#include "text/uuid.hpp"

namespace data_bridge::storage::sqlite {
namespace {

using Type = CellView::Type;

constexpr std::array<std::pair<ColumnKind, std::string_view>, 12> kNames{{{ColumnKind::kInteger, "integer"},
                                                                          {ColumnKind::kReal, "real"},
                                                                          {ColumnKind::kText, "text"},
                                                                          {ColumnKind::kBoolean, "boolean"},
                                                                          {ColumnKind::kUuid, "uuid"},
                                                                          {ColumnKind::kDatetime, "datetime"},
                                                                          {ColumnKind::kDate, "date"},
                                                                          {ColumnKind::kTime, "time"},
                                                                          {ColumnKind::kDuration, "duration"},
                                                                          {ColumnKind::kDecimal, "decimal"},
                                                                          {ColumnKind::kBigInteger, "big_integer"},
                                                                          {ColumnKind::kJson, "json"}}};

bool is_json(std::string_view text) {
  json::Arena arena;
  return json::parse(text, arena).has_value();
}

bool is_integer(std::string_view text) noexcept {
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  return !digits.empty() && std::ranges::all_of(digits, text::is_digit);
}

bool is_date(std::string_view text) noexcept {
  return text.size() == 10 && text[4] == '-' && text[7] == '-' &&
         std::ranges::all_of(
             std::string(text.substr(0, 4)) + std::string(text.substr(5, 2)) + std::string(text.substr(8)),
             text::is_digit);
}

/// Whether a text is a value of a kind whose values nobody could take for JSON of a text.
bool is_value(ColumnKind kind, std::string_view text) {
  switch (kind) {
    case ColumnKind::kUuid:
      return text.size() == 36 && text::parse_uuid(text).has_value();
    case ColumnKind::kDatetime:
      return instant_order(text).has_value();
    case ColumnKind::kDate:
      return is_date(text);
    case ColumnKind::kTime:
      return time_order(text).has_value();
    case ColumnKind::kDuration:
      return duration_order(text).has_value();
    case ColumnKind::kDecimal:
      return decimal_order(text).has_value();
    default:
      return false;
  }
}

// What stands within the quotes of an earlier release.
std::optional<std::string_view> within_quotes(ColumnKind kind, std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::nullopt;
  const std::string_view inside = text.substr(1, text.size() - 2);
  return is_value(kind, inside) ? std::optional(inside) : std::nullopt;
}

// A number that a text is, to the last digit: "007" and 0.1 with thirty digits would come back as others.
template <typename Number>
std::optional<Cell> number_of(std::string_view text) {
  Number number{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if constexpr (std::is_integral_v<Number>) {
    return std::to_string(number) == text ? std::optional(Cell(number)) : std::nullopt;
  } else {
    std::string digits;
    json::append_python_repr(digits, number);
    const auto order = decimal_order(text);
    return order && order == decimal_order(digits) ? std::optional(Cell(number)) : std::nullopt;
  }
}

std::optional<Cell> as_integer(const CellView& cell) {
  if (cell.type == Type::kText) return number_of<std::int64_t>(cell.text);
  if (cell.type == Type::kInteger) return Cell(cell.integer);
  constexpr double kBeyond = 9223372036854775808.0;
  const bool fits = std::trunc(cell.real) == cell.real && cell.real >= -kBeyond && cell.real < kBeyond;
  return fits ? std::optional(Cell(static_cast<std::int64_t>(cell.real))) : std::nullopt;
}

std::optional<Cell> as_boolean(const CellView& cell) {
  if (cell.text == "true" || cell.text == "false") return Cell(std::int64_t{cell.text == "true" ? 1 : 0});
  const auto number = as_integer(cell);
  return number && (*number == Cell(std::int64_t{0}) || *number == Cell(std::int64_t{1})) ? number : std::nullopt;
}

std::optional<Cell> as_real(const CellView& cell) {
  if (cell.type == Type::kText) return number_of<double>(cell.text);
  return to_cell(cell);
}

// A number that stood in a column of numbers.
std::optional<Cell> as_text(ColumnKind kind, const CellView& cell) {
  const bool takes_real = kind == ColumnKind::kText || kind == ColumnKind::kDecimal || kind == ColumnKind::kJson;
  if (!takes_real && (kind != ColumnKind::kBigInteger || cell.type == Type::kReal)) return std::nullopt;
  if (cell.type == Type::kInteger) return Cell(std::to_string(cell.integer));
  if (!std::isfinite(cell.real)) return std::nullopt;
  std::string digits;
  json::append_python_repr(digits, cell.real);
  return Cell(std::move(digits));
}

}  // namespace

Form form_of(ColumnKind kind, const CellView& cell) {
  if (cell.is_null()) return Form::kPresent;
  const bool is_text = cell.type == Type::kText;
  const auto present_if = [](bool present) { return present ? Form::kPresent : Form::kForeign; };
  switch (kind) {
    case ColumnKind::kInteger:
      return present_if(cell.type == Type::kInteger);
    case ColumnKind::kBoolean:
      return present_if(cell.type == Type::kInteger && (cell.integer == 0 || cell.integer == 1));
    case ColumnKind::kReal:
      return present_if(!is_text);
    case ColumnKind::kBigInteger:
      return present_if(is_text && is_integer(cell.text));
    case ColumnKind::kJson:
      return present_if(is_text && is_json(cell.text));
    default:
      return is_text && within_quotes(kind, cell.text) ? Form::kEarlier : present_if(is_text);
  }
}

std::optional<Cell> in_present_form(ColumnKind kind, const CellView& cell) {
  if (cell.is_null()) return Cell();
  switch (kind) {
    case ColumnKind::kInteger:
      return as_integer(cell);
    case ColumnKind::kBoolean:
      return as_boolean(cell);
    case ColumnKind::kReal:
      return as_real(cell);
    default:
      break;
  }
  if (cell.type != Type::kText) return as_text(kind, cell);
  if (const auto inside = within_quotes(kind, cell.text)) return Cell(std::string(*inside));
  return form_of(kind, cell) == Form::kForeign ? std::nullopt : std::optional(Cell(std::string(cell.text)));
}

std::string_view kind_name(ColumnKind kind) noexcept {
  return std::ranges::find(kNames, kind, &decltype(kNames)::value_type::first)->second;
}

int register_conversion(sqlite3* handle) noexcept {
  const auto convert = [](sqlite3_context* context, int, sqlite3_value** arguments) noexcept {
    try {
      const CellView name = read_value(arguments[1]);
      const auto* const kind = std::ranges::find(kNames, name.text, &decltype(kNames)::value_type::second);
      if (kind == kNames.end()) return;
      const auto cell = in_present_form(kind->first, read_value(arguments[0]));
      if (!cell) return;
      if (const auto* const number = std::get_if<std::int64_t>(&*cell)) sqlite3_result_int64(context, *number);
      if (const auto* const number = std::get_if<double>(&*cell)) sqlite3_result_double(context, *number);
      if (const auto* const text = std::get_if<std::string>(&*cell)) {
        sqlite3_result_text64(context, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
      }
    } catch (const std::bad_alloc&) {  // SQLite is C: no exception may pass it
      sqlite3_result_error_nomem(context);
    }
  };
  return sqlite3_create_function_v2(handle, "data_bridge_convert", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr,
                                    convert, nullptr, nullptr, nullptr);
}

}  // namespace data_bridge::storage::sqlite
