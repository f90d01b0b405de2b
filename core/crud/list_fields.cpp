// The fields that lists can be filtered and sorted by, under the names that clients use.
#include "crud/list_fields.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "crud/response.hpp"

namespace data_bridge::crud {
namespace {

using storage::ColumnKind;
using storage::Operator;

struct Word {
  std::string_view text;
  Operator op;
};

constexpr std::array<Word, 13> kWords = {{{"eq", Operator::kEqual},
                                          {"ne", Operator::kNotEqual},
                                          {"lt", Operator::kLess},
                                          {"le", Operator::kLessEqual},
                                          {"gt", Operator::kGreater},
                                          {"ge", Operator::kGreaterEqual},
                                          {"in", Operator::kIn},
                                          {"nin", Operator::kNotIn},
                                          {"contains", Operator::kContains},
                                          {"icontains", Operator::kContainsAnyCase},
                                          {"startswith", Operator::kStartsWith},
                                          {"endswith", Operator::kEndsWith},
                                          {"isnull", Operator::kIsNull}}};

constexpr std::size_t kIsNullValidator = 0;
constexpr std::size_t kTextValidator = 1;
constexpr std::size_t kFirstValidator = 2;

bool is_of_text(Operator op) noexcept {
  return op == Operator::kContains || op == Operator::kContainsAnyCase || op == Operator::kStartsWith ||
         op == Operator::kEndsWith;
}

schema::Errors refused(std::string_view type, std::string message, const json::Value& input,
                       std::vector<schema::Context> context = {}) {
  schema::Errors errors;
  errors.push_back(
      {.type = type, .location = {}, .message = std::move(message), .input = input, .context = std::move(context)});
  return errors;
}

}  // namespace

std::expected<std::unique_ptr<const ListFields>, std::string> ListFields::make(
    std::shared_ptr<const schema::Model> model, const RowCodec& codec, const std::vector<ListFieldOption>& options) {
  auto fields = std::unique_ptr<ListFields>(new ListFields());
  if (model == nullptr) return fields;
  if (model->fields().size() != options.size() + kFirstValidator) {
    return std::unexpected("the model of the filters has other fields than the filters");
  }
  fields->model_ = std::move(model);
  for (const ListFieldOption& option : options) {
    const auto column = codec.column_of(option.field);
    if (!column) return std::unexpected("the model has no field \"" + option.field + "\" to filter by");
    const storage::Column& stored = codec.table().columns[*column];
    const std::size_t validator = kFirstValidator + fields->fields_.size();
    ColumnKind kind = column_kind(fields->model_->fields()[validator].kind);
    const bool is_whole = option.members.empty() && !option.is_list;
    // A column may be of another kind than its field's values: for a default of another type.
    if (is_whole && stored.kind != kind) kind = ColumnKind::kJson;
    const bool is_key = is_whole && *column == codec.table().key_column;
    fields->fields_.push_back(
        {.name = option.name,
         .field = {.column = *column,
                   .members = option.members,
                   .kind = kind,
                   .is_list = option.is_list,
                   .nullable = !is_key && (!option.members.empty() || stored.nullable || kind == ColumnKind::kReal)},
         .validator = validator});
  }
  for (const ListField& field : fields->fields_) fields->by_name_.emplace(field.name, &field);
  return fields;
}

const ListField* ListFields::find(std::string_view name) const noexcept {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

std::vector<std::string_view> ListFields::names() const {
  std::vector<std::string_view> names;
  for (const ListField& field : fields_) names.emplace_back(field.name);
  return names;
}

std::vector<std::string_view> ListFields::sortable_names() const {
  std::vector<std::string_view> names;
  for (const ListField& field : fields_) {
    if (field.has_order()) names.emplace_back(field.name);
  }
  return names;
}

std::expected<storage::Cell, schema::Errors> ListFields::read_value(const ListField& field, Operator op,
                                                                    const json::Value& input,
                                                                    json::Arena& arena) const {
  const bool takes_null =
      op == Operator::kEqual || op == Operator::kNotEqual || op == Operator::kIn || op == Operator::kNotIn;
  if (input.is_null() && takes_null) return storage::Cell();
  std::size_t validator = field.validator;
  ColumnKind kind = field.field.kind;
  if (op == Operator::kIsNull) {
    validator = kIsNullValidator;
    kind = ColumnKind::kBoolean;
  } else if (is_of_text(op) && !field.field.is_list) {
    validator = kTextValidator;
  } else if (input.is_null()) {
    return std::unexpected(refused("value_error",
                                   "Value error, null is neither less nor greater than a value; use isnull", input,
                                   value_error_context()));
  }
  auto value = model_->validate_field(validator, input, arena);
  if (!value) return std::unexpected(std::move(value.error()));
  if (value->is_null()) return storage::Cell();
  if (value->is_double() && std::isnan(value->as_double())) {
    return std::unexpected(refused("finite_number", "Input should be a finite number", input));
  }
  if (value->is_big_int()) {
    if (!field.field.members.empty() || field.field.is_list) return storage::Cell(std::string(value->as_string()));
    // Beyond every number that the column can hold.
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    return storage::Cell(value->as_string().starts_with('-') ? -kInfinity : kInfinity);
  }
  auto cell = to_cell(*value, kind, model_->json_style());
  if (!cell)
    return std::unexpected(refused("string_unicode",
                                   "Input should be a valid string, unable to parse raw data as a unicode string",
                                   json::Value()));
  return std::move(*cell);
}

std::vector<std::string_view> operators_of(const ListField& field) {
  std::vector<std::string_view> words;
  for (const Word& word : kWords) {
    if (has_operator(field, word.op)) words.push_back(word.text);
  }
  return words;
}

bool has_operator(const ListField& field, Operator op) noexcept {
  if (op == Operator::kIsNull) return true;
  if (field.field.kind == ColumnKind::kJson) return false;
  if (field.field.is_list) return op == Operator::kContains;
  return !is_of_text(op) || field.field.kind == ColumnKind::kText;
}

std::optional<Operator> operator_of(std::string_view word) noexcept {
  const auto found = std::ranges::find(kWords, word, &Word::text);
  return found == kWords.end() ? std::nullopt : std::optional(found->op);
}

}  // namespace data_bridge::crud
