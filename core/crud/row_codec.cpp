// Between a model's values and the rows of its table.
#include "crud/row_codec.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "json/parser.hpp"
#include "json/scalar_text.hpp"
#include "json/writer.hpp"

namespace data_bridge::crud {
namespace {

using storage::Cell;
using storage::ColumnKind;

using CellType = storage::CellView::Type;

/// What write_value() may need, without the text itself.
constexpr std::size_t kScalarBound = std::max(json::kIntBound, json::kDoubleBound);

// Python cannot name a field like this, so it collides with none.
constexpr std::string_view kExtraColumn = "__pydantic_extra__";

bool fits(const json::Value& value, ColumnKind kind) noexcept {
  switch (kind) {
    case ColumnKind::kInteger:
    case ColumnKind::kBigInteger:
      return value.is_int() || value.is_big_int();
    case ColumnKind::kReal:
      return value.is_double();
    case ColumnKind::kBoolean:
      return value.is_bool();
    case ColumnKind::kText:
    case ColumnKind::kDatetime:
    case ColumnKind::kDate:
    case ColumnKind::kTime:
    case ColumnKind::kDuration:
    case ColumnKind::kDecimal:
    case ColumnKind::kUuid:
      return value.is_string();
    case ColumnKind::kJson:
      break;
  }
  return true;
}

// nullopt for text that has no UTF-8 form, which can stand only in members that no field describes.
std::optional<std::string> json_text(const json::Value& value, json::Style style) {
  std::string text;
  if (!json::write(text, value, style)) {
    return std::nullopt;
  }
  return text;
}

schema::Error not_unicode(const std::string& field, const json::Value& input) {
  return schema::Error{.type = "string_unicode",
                       .location = {field},
                       .message = "Input should be a valid string, unable to parse raw data as a unicode string",
                       .input = input,
                       .context = {}};
}

// What Field(le=2**63-1, ge=-2**63) would say: an int column is a 64-bit integer.
schema::Error out_of_range(const std::string& field, const json::Value& value, const json::Value* input) {
  const bool negative = value.as_string().starts_with('-');
  const auto bound = negative ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
  const std::string_view type = negative ? "greater_than_equal" : "less_than_equal";
  return schema::Error{
      .type = type,
      .location = {field},
      .message = "Input should be " + std::string(negative ? "greater" : "less") + " than or equal to " +
                 std::to_string(bound),
      .input = input != nullptr ? *input : value,
      .context = {schema::Context{.key = negative ? "ge" : "le", .value = json::Value::integer(bound)}}};
}

// The value of a member, as json::write_*() do.
char* write_value(char* to, const storage::CellView& cell, ColumnKind kind, json::FloatStyle floats) noexcept {
  if (cell.is_null()) return json::write_text(to, "null");
  switch (kind) {
    case ColumnKind::kInteger:
      return json::write_int(to, cell.integer);
    case ColumnKind::kReal:
      return std::isfinite(cell.number()) ? json::write_double(to, cell.number(), floats)
                                          : json::write_text(to, "null");
    case ColumnKind::kBoolean:
      return json::write_text(to, cell.integer != 0 ? "true" : "false");
    case ColumnKind::kText:
    case ColumnKind::kUuid:
    case ColumnKind::kDatetime:
    case ColumnKind::kDate:
    case ColumnKind::kTime:
    case ColumnKind::kDuration:
    case ColumnKind::kDecimal:
      return json::write_string(to, cell.text);  // a default, which nobody validates, may be any text
    case ColumnKind::kBigInteger:
    case ColumnKind::kJson:
      break;
  }
  return json::write_text(to, cell.text);
}

}  // namespace

ColumnKind column_kind(schema::FieldKind kind) noexcept {
  switch (kind) {
    case schema::FieldKind::kInt:
      return ColumnKind::kInteger;
    case schema::FieldKind::kFloat:
      return ColumnKind::kReal;
    case schema::FieldKind::kString:
      return ColumnKind::kText;
    case schema::FieldKind::kBool:
      return ColumnKind::kBoolean;
    case schema::FieldKind::kDatetime:
      return ColumnKind::kDatetime;
    case schema::FieldKind::kDate:
      return ColumnKind::kDate;
    case schema::FieldKind::kTime:
      return ColumnKind::kTime;
    case schema::FieldKind::kDuration:
      return ColumnKind::kDuration;
    case schema::FieldKind::kDecimal:
      return ColumnKind::kDecimal;
    case schema::FieldKind::kUuid:
      return ColumnKind::kUuid;
    case schema::FieldKind::kJson:
      break;
  }
  return ColumnKind::kJson;
}

std::optional<Cell> to_cell(const json::Value& value, ColumnKind kind, json::Style style) {
  if (value.is_null()) {
    return Cell();
  }
  switch (kind) {
    case ColumnKind::kInteger:
      return Cell(value.as_int());
    case ColumnKind::kBoolean:
      return Cell(std::int64_t{value.as_bool() ? 1 : 0});
    case ColumnKind::kReal: {
      const double number = value.is_int() ? static_cast<double>(value.as_int()) : value.as_double();
      return std::isnan(number) ? Cell() : Cell(number);
    }
    case ColumnKind::kBigInteger:
      return Cell(value.is_int() ? std::to_string(value.as_int()) : std::string(value.as_string()));
    case ColumnKind::kText:
    case ColumnKind::kDatetime:
    case ColumnKind::kDate:
    case ColumnKind::kTime:
    case ColumnKind::kDuration:
    case ColumnKind::kDecimal:
    case ColumnKind::kUuid:
      return Cell(std::string(value.as_string()));
    case ColumnKind::kJson:
      break;
  }
  return json_text(value, style).transform([](std::string text) { return Cell(std::move(text)); });
}

std::expected<RowCodec, std::string> RowCodec::make(std::shared_ptr<const schema::Model> model, std::string_view key,
                                                    std::string table) {
  RowCodec codec;
  codec.model_ = std::move(model);
  codec.table_.name = std::move(table);
  codec.key_field_ = codec.model_->field_index(key);
  std::vector<storage::Column>& columns = codec.table_.columns;
  const auto show = [&codec](std::string_view output_key) {
    codec.shown_.push_back(codec.output_names_.size());
    codec.output_names_.emplace_back(output_key);
  };
  if (!codec.key_field_) {
    columns.push_back({.name = std::string(key), .kind = ColumnKind::kInteger, .nullable = true, .default_value = {}});
    show(key);
  }
  for (const schema::FieldInfo& field : codec.model_->fields()) {
    storage::Column column{
        .name = field.name, .kind = column_kind(field.kind), .nullable = field.nullable, .default_value = {}};
    if (const auto& value = field.default_value) {
      // Pydantic does not validate defaults: `count: int = None`, `count: int = "many"` are fine with it.
      column.nullable = column.nullable || value->is_null();
      if (!value->is_null() && (!fits(*value, column.kind) || value->is_big_int())) {
        column.kind = ColumnKind::kJson;
      }
      column.default_value = to_cell(*value, column.kind, codec.model_->json_style());
      column.nullable = column.nullable || (column.default_value && column.default_value->index() == 0);  // NaN
    }
    columns.push_back(std::move(column));
    show(field.output_key);
  }
  codec.label();
  if (codec.model_->allows_extra()) {
    codec.extra_column_ = columns.size();
    columns.push_back(
        {.name = std::string(kExtraColumn), .kind = ColumnKind::kJson, .nullable = true, .default_value = {}});
  }
  codec.table_.key_column = codec.key_field_.value_or(0);
  storage::Column& key_column = columns[codec.table_.key_column];
  key_column.default_value.reset();
  switch (key_column.kind) {
    case ColumnKind::kInteger:
      codec.table_.key_kind = storage::KeyKind::kInt;
      break;
    case ColumnKind::kUuid:
      codec.table_.key_kind = storage::KeyKind::kUuid;
      break;
    case ColumnKind::kText:
      codec.table_.key_kind = storage::KeyKind::kString;
      break;
    default:
      return std::unexpected("the key \"" + std::string(key) + "\" must be an int, a UUID or a str");
  }
  return codec;
}

void RowCodec::label() {
  labels_.clear();
  fixed_bound_ = 0;
  for (const std::size_t column : shown_) {
    std::string text = labels_.empty() ? "{" : ",";
    json::append_string(text, output_names_[column]);
    labels_.emplace_back(text + ":");
    fixed_bound_ += labels_.back().bound() + kScalarBound;
  }
}

void RowCodec::show_only(std::span<const std::pair<std::size_t, std::string>> shown, bool extra) {
  shown_.clear();
  shows_extra_ = extra;
  for (const auto& [column, name] : shown) {
    shown_.push_back(column);
    output_names_[column] = name;
  }
  label();
}

const schema::FieldInfo* RowCodec::field_of(std::size_t column) const noexcept {
  const std::size_t first = first_field();
  const auto fields = model_->fields();
  return column >= first && column - first < fields.size() ? &fields[column - first] : nullptr;
}

const std::string& RowCodec::client_name(std::size_t column) const noexcept {
  const schema::FieldInfo* const field = field_of(column);
  return field != nullptr ? field->input_key : table_.columns[column].name;
}

std::optional<std::size_t> RowCodec::column_of(std::string_view field) const noexcept {
  if (const auto index = model_->field_index(field)) {
    return *index + first_field();
  }
  return !key_field_ && field == table_.columns[0].name ? std::optional<std::size_t>(0) : std::nullopt;
}

std::expected<storage::Row, schema::Error> RowCodec::to_row(const json::Value& value, const json::Value& input) const {
  storage::Row row;
  row.reserve(table_.columns.size());
  if (!key_field_) {
    row.emplace_back();
  }
  const auto fields = model_->fields();
  const auto members = value.members();
  for (std::size_t at = 0; at < fields.size(); ++at) {
    const json::Value& member = members[at].value;
    const ColumnKind kind = table_.columns[row.size()].kind;
    if (member.is_big_int() && kind == ColumnKind::kInteger) {
      const json::Value* given = input.is_object() ? input.find(fields[at].input_key) : nullptr;
      return std::unexpected(out_of_range(fields[at].input_key, member, given));
    }
    auto cell = to_cell(member, kind, model_->json_style());
    if (!cell) {
      return std::unexpected(not_unicode(fields[at].input_key, json::Value()));
    }
    row.push_back(std::move(*cell));
  }
  if (extra_column_) {
    const auto extra = members.subspan(fields.size());
    auto text = json_text(json::Value::object(extra), model_->json_style());
    if (!text) {
      return std::unexpected(not_unicode(std::string(extra.front().key.as_string()), json::Value()));
    }
    row.push_back(extra.empty() ? Cell() : Cell(std::move(*text)));
  }
  return row;
}

bool RowCodec::accepts(std::size_t field, const json::Value& value) const noexcept {
  const ColumnKind kind = table_.columns[field + first_field()].kind;
  return value.is_null() || fits(value, kind) || (kind == ColumnKind::kReal && value.is_int());
}

void RowCodec::append_fields(std::string& out, storage::RowView row) const {
  std::size_t text_size = 0;
  for (const storage::CellView& cell : row) {
    if (cell.type == CellType::kText) text_size += cell.text.size();
  }
  if (text_size > json::kShortString) return append_long_fields(out, row);
  const json::FloatStyle floats = json::float_style(model_->json_style());
  json::append_bounded(out, fixed_bound_ + json::escaped_bound(text_size), [&](char* to) {
    for (std::size_t at = 0; at < shown_.size(); ++at) {
      const std::size_t column = shown_[at];
      to = write_value(labels_[at].write(to), row[column], table_.columns[column].kind, floats);
    }
    return to;
  });
}

// With text whose bound is too much to reserve at once.
void RowCodec::append_long_fields(std::string& out, storage::RowView row) const {
  for (std::size_t at = 0; at < shown_.size(); ++at) {
    out += labels_[at].text();
    append_long_value(out, row, shown_[at]);
  }
}

void RowCodec::append_long_value(std::string& out, storage::RowView row, std::size_t column) const {
  const storage::CellView& cell = row[column];
  const ColumnKind kind = table_.columns[column].kind;
  const bool is_text = cell.type == CellType::kText;
  if (is_text && kind != ColumnKind::kJson && kind != ColumnKind::kBigInteger) {
    json::append_string(out, cell.text);
  } else {
    const std::size_t bound = kScalarBound + (is_text ? cell.text.size() : 0);
    json::append_bounded(
        out, bound, [&](char* to) { return write_value(to, cell, kind, json::float_style(model_->json_style())); });
  }
}

void RowCodec::append_json(std::string& out, storage::RowView row, std::span<const std::size_t> columns) const {
  out += '{';
  for (const std::size_t column : columns) {
    if (column != columns.front()) out += ',';
    const auto label = labels_.begin() + (std::ranges::find(shown_, column) - shown_.begin());
    out += label->text().substr(1);  // without the sign in front
    append_long_value(out, row, column);
  }
  out += '}';
}

std::optional<std::size_t> RowCodec::column_of_output(std::string_view name) const noexcept {
  const auto found = std::ranges::find_if(shown_, [&](std::size_t column) { return output_names_[column] == name; });
  return found == shown_.end() ? std::nullopt : std::optional(*found);
}

std::vector<std::string_view> RowCodec::output_names() const {
  std::vector<std::string_view> names;
  for (const std::size_t column : shown_) names.push_back(output_names_[column]);
  return names;
}

void RowCodec::append_json(std::string& out, storage::RowView row) const {
  if (shown_.empty()) out += '{';
  append_fields(out, row);
  if (extra_column_ && shows_extra_) {
    const storage::CellView& extra = row[*extra_column_];
    if (!extra.is_null()) {
      if (!shown_.empty()) out += ',';
      out += extra.text.substr(1, extra.text.size() - 2);
    }
  }
  out += '}';
}

storage::Key RowCodec::key_of(storage::RowView row) const {
  if (table_.key_kind == storage::KeyKind::kInt) {
    return row[table_.key_column].integer;
  }
  return std::string(row[table_.key_column].text);
}

json::Value RowCodec::cell_to_value(const storage::CellView& cell, ColumnKind kind, json::Arena& arena) {
  if (cell.is_null()) {
    return {};
  }
  switch (kind) {
    case ColumnKind::kInteger:
      return json::Value::integer(cell.integer);
    case ColumnKind::kReal:
      return json::Value::number(cell.number());
    case ColumnKind::kBoolean:
      return json::Value::boolean(cell.integer != 0);
    case ColumnKind::kText:
    case ColumnKind::kUuid:
    case ColumnKind::kDatetime:
    case ColumnKind::kDate:
    case ColumnKind::kTime:
    case ColumnKind::kDuration:
    case ColumnKind::kDecimal:
      return json::Value::string(arena.copy(cell.text));
    case ColumnKind::kBigInteger:
    case ColumnKind::kJson:
      break;
  }
  return json::parse(arena.copy(cell.text), arena).value_or(json::Value());
}

json::Value RowCodec::value_of(std::size_t column, const storage::Cell& cell, json::Arena& arena) const {
  const storage::Row row{cell};
  return cell_to_value(storage::view_of(row).front(), table_.columns[column].kind, arena);
}

json::Value RowCodec::to_value(storage::RowView row, json::Arena& arena) const {
  const auto fields = model_->fields();
  json::Value extra;
  if (extra_column_) {
    extra = cell_to_value(row[*extra_column_], ColumnKind::kJson, arena);
  }
  const std::size_t count = fields.size() + (extra.is_object() ? extra.members().size() : 0);
  auto* members = arena.allocate_array<json::Member>(count);
  std::size_t at = 0;
  for (; at < fields.size(); ++at) {
    const std::size_t column = at + first_field();
    members[at] = {.key = json::Value::string(fields[at].output_key),
                   .value = cell_to_value(row[column], table_.columns[column].kind, arena)};
  }
  if (extra.is_object()) {
    for (const json::Member& member : extra.members()) {
      members[at++] = member;
    }
  }
  return json::Value::object({members, count});
}

}  // namespace data_bridge::crud
