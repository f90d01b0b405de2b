// Fields that are set when an item is made: a later write may repeat their values, and not change them. And those whose
// values are not the client's.
#include "crud/frozen_fields.hpp"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "crud/item_body.hpp"
#include "json/arena.hpp"
#include "json/merge_patch.hpp"
#include "json/parser.hpp"
#include "json/writer.hpp"
#include "schema/body.hpp"
#include "storage/value_order.hpp"
#include "text/utc_now.hpp"

namespace data_bridge::crud {
namespace {

using storage::CellView;
using storage::ColumnKind;

// Of a set's items, which are no objects.
std::vector<std::string> sorted_texts(std::span<const json::Value> items) {
  std::vector<std::string> texts;
  texts.reserve(items.size());
  for (const json::Value& item : items) {
    (void)json::write(texts.emplace_back(), item, json::Style::kPython);
  }
  std::ranges::sort(texts);
  return texts;
}

bool is_same_json(const json::Value& left, const json::Value& right) {
  if (left.is_object() && right.is_object()) {  // members have no order
    const json::MemberIndex places(right.members(), left.members().size());
    return left.members().size() == right.members().size() &&
           std::ranges::all_of(left.members(), [&](const json::Member& member) {
             const std::size_t place = places.find(member.key.as_string());
             return place < places.size() && is_same_json(member.value, right.members()[place].value);
           });
  }
  if (left.is_array() && right.is_array()) {
    return std::ranges::equal(left.items(), right.items(), is_same_json);
  }
  std::string one;
  std::string other;
  return left.is_object() == right.is_object() && left.is_array() == right.is_array() &&
         json::write(one, left, json::Style::kPython) && json::write(other, right, json::Style::kPython) &&
         one == other;
}

template <typename Order>
bool is_same_by(Order order, std::string_view left, std::string_view right) {
  const auto one = order(left);
  return one && one == order(right);
}

bool is_same_text(std::string_view left, std::string_view right, Sameness sameness) {
  switch (sameness) {
    case Sameness::kInstant:
      return is_same_by(storage::instant_order, left, right);
    case Sameness::kTime:
      return is_same_by(storage::time_order, left, right);
    case Sameness::kDuration:
      return is_same_by(storage::duration_order, left, right);
    case Sameness::kDecimal:
      return is_same_by(storage::decimal_order, left, right);
    case Sameness::kJson:
    case Sameness::kSet:
    case Sameness::kAny:
    case Sameness::kCreated:
    case Sameness::kUpdated:
      break;
  }
  return left == right;
}

// By what the values are, not by how they are written: 1.10 is 1.1, and an instant is one whatever its offset.
bool is_same_value(const CellView& left, const CellView& right, ColumnKind kind, Sameness sameness) {
  if (left.is_null() || right.is_null()) {
    return left.is_null() && right.is_null();
  }
  const bool is_text = left.type == CellView::Type::kText;
  if (is_text != (right.type == CellView::Type::kText)) {
    return false;
  }
  if (!is_text) {
    const bool is_integer = left.type == right.type && left.type == CellView::Type::kInteger;
    return is_integer ? left.integer == right.integer : left.number() == right.number();
  }
  if (left.text == right.text) {
    return true;
  }
  if (kind != ColumnKind::kJson) {
    return is_same_text(left.text, right.text, sameness);
  }
  json::Arena arena;
  const auto one = json::parse(left.text, arena);
  const auto other = json::parse(right.text, arena);
  if (!one || !other) {
    return false;
  }
  if (one->is_string() && other->is_string()) {
    return is_same_text(one->as_string(), other->as_string(), sameness);
  }
  if (sameness == Sameness::kSet && one->is_array() && other->is_array()) {
    return sorted_texts(one->items()) == sorted_texts(other->items());
  }
  return is_same_json(*one, *other);
}

// Whether a later write has to repeat the value.
bool is_frozen(Sameness sameness) noexcept {
  return sameness != Sameness::kAny && sameness != Sameness::kCreated && sameness != Sameness::kUpdated;
}

// The time of a write that replaces one of `before`: the clock may have been set back since.
storage::Cell later(const storage::Cell& written, const CellView& before) {
  storage::Cell time = written.index() != 0 ? written : storage::Cell(text::utc_now());
  if (before.type != CellView::Type::kText) return time;
  const auto* const text = std::get_if<std::string>(&time);
  const auto last = storage::instant_order(before.text);
  const bool is_later = text == nullptr || !last || storage::instant_order(*text) >= last;
  return is_later ? time : storage::to_cell(before);
}

class RowCopier final : public storage::RowVisitor {
 public:
  bool on_row(storage::RowView row) override {
    for (const CellView& cell : row) cells.push_back(storage::to_cell(cell));
    return false;
  }
  storage::Row cells;
};

}  // namespace

std::optional<Sameness> sameness_of(std::string_view word) noexcept {
  constexpr std::pair<std::string_view, Sameness> kWords[] = {
      {"json", Sameness::kJson}, {"set", Sameness::kSet},           {"instant", Sameness::kInstant},
      {"time", Sameness::kTime}, {"duration", Sameness::kDuration}, {"decimal", Sameness::kDecimal},
      {"any", Sameness::kAny},   {"created", Sameness::kCreated},   {"updated", Sameness::kUpdated}};
  for (const auto& [known, sameness] : kWords) {
    if (word == known) return sameness;
  }
  return std::nullopt;
}

void stamp(const std::vector<FrozenField>& fields, storage::Row& row) {
  std::string now;
  for (const auto& [column, sameness] : fields) {
    const bool is_time = sameness == Sameness::kCreated || sameness == Sameness::kUpdated;
    if (!is_time || row[column].index() != 0) continue;
    if (now.empty()) now = text::utc_now();  // once: an item is as old as its first change
    row[column] = now;
  }
}

void forget_last(const std::vector<FrozenField>& fields, storage::Row& row) noexcept {
  for (const auto& [column, sameness] : fields) {
    if (sameness == Sameness::kUpdated) row[column] = storage::Cell();
  }
}

FrozenValues FrozenValues::of_replacement(const RowCodec& codec, const std::vector<FrozenField>& fields,
                                          const json::Value& input) {
  FrozenValues values;
  for (const FrozenField& field : fields) {
    const json::Value* const given = find_field(input, *codec.field_of(field.column));
    values.add(codec, field, given);
    Value& added = values.values_.back();
    added.is_compared = is_frozen(field.sameness) && given != nullptr;
    added.is_kept = field.sameness != Sameness::kAny || given == nullptr;
  }
  return values;
}

FrozenValues FrozenValues::of_merged(const RowCodec& codec, const std::vector<FrozenField>& fields,
                                     const json::Value& merged, const json::Value* patch) {
  FrozenValues values;
  for (const FrozenField& field : fields) {
    values.add(codec, field, find_field(merged, *codec.field_of(field.column)));
    const bool is_given = patch == nullptr || find_field(*patch, *codec.field_of(field.column)) != nullptr;
    Value& added = values.values_.back();
    added.is_compared = is_frozen(field.sameness) && is_given;
    added.is_kept = field.sameness != Sameness::kAny || !is_given;
  }
  return values;
}

void FrozenValues::add(const RowCodec& codec, const FrozenField& field, const json::Value* given) {
  Value& value =
      values_.emplace_back(Value{.field = field, .kind = codec.table().columns[field.column].kind, .refusal = {}});
  if (!is_frozen(field.sameness)) return;
  // As Pydantic says it of an assignment.
  const schema::Error refusal{.type = "frozen_field",
                              .location = {codec.field_of(field.column)->input_key},
                              .message = "Field is frozen",
                              .input = given != nullptr ? *given : json::Value(),
                              .context = {}};
  schema::RequestErrors errors;
  errors.add({&refusal, 1}, "body");
  value.refusal = errors.entries();
}

std::size_t FrozenValues::memory() const noexcept {
  std::size_t bytes = values_.capacity() * sizeof(Value);
  for (const Value& value : values_) bytes += value.refusal.capacity();
  return bytes;
}

bool FrozenValues::admit(storage::RowView before, storage::Row& row, Response& response) const {
  if (is_empty()) {
    return true;
  }
  std::string refusals;
  const std::vector<CellView> after = storage::view_of(row);
  for (const Value& value : values_) {
    const auto [column, sameness] = value.field;
    if (value.is_compared && !is_same_value(before[column], after[column], value.kind, sameness)) {
      if (!refusals.empty()) refusals += ',';
      refusals += value.refusal;
    }
  }
  if (!refusals.empty()) {
    respond_with(response, schema::Rejection{.body = R"({"detail":[)" + refusals + "]}"});
    return false;
  }
  for (const Value& value : values_) {
    const auto [column, sameness] = value.field;
    if (sameness == Sameness::kUpdated) {
      row[column] = later(row[column], before[column]);
    } else if (value.is_kept) {
      row[column] = storage::to_cell(before[column]);
    }
  }
  return true;
}

std::expected<bool, storage::Error> FrozenValues::admit(storage::WriteTransaction& transaction,
                                                        storage::Collection& collection, const storage::Key& key,
                                                        storage::Row& row, Response& response) const {
  if (is_empty()) {
    return true;
  }
  RowCopier before;
  const auto found = transaction.get(collection, key, before);
  if (!found) {
    return std::unexpected(found.error());
  }
  return !*found || admit(storage::view_of(before.cells), row, response);
}

}  // namespace data_bridge::crud
