// From the body of a write to the row that it means.
#include "crud/item_body.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "schema/body.hpp"

namespace data_bridge::crud {
namespace {

constexpr std::string_view kBody = "body";

// The value of a field by the first of its keys that is there.
const json::Value* find_field(const json::Value& object, const schema::FieldInfo& field) {
  for (const std::string& key : field.input_keys) {
    if (const json::Value* const value = object.find(key)) {
      return value;
    }
  }
  return nullptr;
}

bool is_field(const schema::Model& model, std::string_view key) {
  return std::ranges::any_of(model.fields(), [key](const schema::FieldInfo& field) {
    return std::ranges::find(field.input_keys, key) != field.input_keys.end();
  });
}

// What the body says about the key; nullptr where it says nothing.
const json::Value* given_key(const Resource& resource, const json::Value& input) {
  const auto field = resource.codec().key_field();
  if (!field || !input.is_object()) {
    return nullptr;
  }
  const schema::FieldInfo& info = resource.codec().model().fields()[*field];
  const json::Value* const given = find_field(input, info);
  return given == nullptr || given->is_null() ? nullptr : given;
}

// A patch with each field under its first key, which the stored item has it under: of two keys of one field, validation
// would take the stored one.
json::Value with_first_keys(const schema::Model& model, const json::Value& patch, json::Arena& arena) {
  const auto given = patch.members();
  auto* members = arena.allocate_array<json::Member>(given.size());
  std::copy(given.begin(), given.end(), members);
  for (const schema::FieldInfo& field : model.fields()) {
    const json::Value* const value = field.input_keys.size() > 1 ? find_field(patch, field) : nullptr;
    if (value == nullptr) {
      continue;
    }
    const std::size_t at = static_cast<std::size_t>(
        std::ranges::find(given, value, [](const json::Member& member) { return &member.value; }) - given.begin());
    members[at].key = json::Value::string(field.input_key);
  }
  return json::Value::object({members, given.size()});
}

storage::Cell to_cell(const storage::Key& key) {
  return std::visit([](const auto& value) { return storage::Cell(value); }, key);
}

}  // namespace

std::optional<storage::Row> read_item(const Resource& resource, const json::Value& input, const storage::Key* key,
                                      json::Arena& arena, schema::RequestErrors& errors) {
  const RowCodec& codec = resource.codec();
  const auto value = codec.model().validate(input, arena);
  if (!value) {
    errors.add(value.error(), kBody);
    return std::nullopt;
  }
  auto row = codec.to_row(*value, input);
  if (!row) {
    errors.add({&row.error(), 1}, kBody);
    return std::nullopt;
  }
  const std::size_t column = codec.table().key_column;
  const json::Value* const given = given_key(resource, input);
  storage::Cell& cell = (*row)[column];
  if (key != nullptr) {
    if (given != nullptr && cell != to_cell(*key)) {
      const schema::Error changed{.type = "value_error",
                                  .location = {codec.client_name(column)},
                                  .message =
                                      "Value error, the key of an item cannot be changed: it must be the one "
                                      "in the path",
                                  .input = *given,
                                  .context = value_error_context()};
      errors.add({&changed, 1}, kBody);
      return std::nullopt;
    }
    cell = to_cell(*key);
  } else if (codec.table().key_kind != storage::KeyKind::kString) {
    if (given == nullptr) {
      cell = storage::Cell();
    }
  } else if (cell.index() == 0) {
    const schema::Error missing{.type = "missing",
                                .location = {codec.client_name(column)},
                                .message = "Field required",
                                .input = input,
                                .context = {}};
    errors.add({&missing, 1}, kBody);
    return std::nullopt;
  }
  return std::move(*row);
}

std::expected<std::optional<json::Value>, schema::Rejection> read_document(const Resource& resource,
                                                                           std::string_view body, bool is_json,
                                                                           json::Arena& arena) {
  if (body.empty()) {
    return std::nullopt;
  }
  return schema::read_body(body, is_json, resource.codec().model().parse_options(), arena);
}

void require_document(const std::optional<json::Value>& document, schema::RequestErrors& errors) {
  if (document) {
    return;
  }
  const schema::Error missing{
      .type = "missing", .location = {}, .message = "Field required", .input = {}, .context = {}};
  errors.add({&missing, 1}, kBody);
}

void check_patch(const Resource& resource, const json::Value& patch, json::Arena& arena,
                 schema::RequestErrors& errors) {
  const schema::Model& model = resource.codec().model();
  std::vector<json::Member> known;
  json::Value input = patch;
  if (patch.is_object()) {
    for (const json::Member& member : patch.members()) {
      if (!member.value.is_null() && !(member.value.is_object() && is_field(model, member.key.as_string()))) {
        known.push_back(member);
      }
    }
    input = json::Value::object(known);
  }
  auto value = model.validate(input, arena);
  if (value) {
    return;
  }
  // A field that is not in the patch is in the item.
  std::erase_if(value.error(),
                [](const schema::Error& error) { return error.type == "missing" && error.location.size() == 1; });
  errors.add(value.error(), kBody);
}

json::Value patch_item(const schema::Model& model, const json::Value& target, const json::Value& given,
                       json::Arena& arena) {
  if (!given.is_object()) {
    return given;  // RFC 7396 replaces the whole item; no model accepts what is not an object
  }
  const json::Value patch = with_first_keys(model, given, arena);
  const json::Value merged = json::merge_patch(target, patch, arena);
  std::vector<json::Member> cleared;
  for (const schema::FieldInfo& field : model.fields()) {
    const json::Value* const change = field.nullable ? patch.find(field.input_key) : nullptr;
    if (change != nullptr && change->is_null()) {
      cleared.push_back({.key = json::Value::string(field.input_key), .value = json::Value()});
    }
  }
  if (cleared.empty()) {
    return merged;
  }
  const auto kept = merged.members();
  auto* members = arena.allocate_array<json::Member>(kept.size() + cleared.size());
  std::copy(kept.begin(), kept.end(), members);
  std::copy(cleared.begin(), cleared.end(), members + kept.size());
  return json::Value::object({members, kept.size() + cleared.size()});
}

}  // namespace data_bridge::crud
