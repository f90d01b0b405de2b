// From the body of a write to the row that it means.
#include "crud/item_body.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "schema/body.hpp"
#include "text/make_uuid.hpp"
#include "text/media_type.hpp"
#include "text/percent.hpp"

namespace data_bridge::crud {
namespace {

constexpr std::string_view kBody = "body";

// Of the 8 KiB and more that servers and proxies take of a request's target, so that path and query have room.
constexpr std::size_t kMaxEncodedKey = 2048;

bool is_field(const schema::Model& model, std::string_view key) {
  return std::ranges::any_of(model.fields(), [key](const schema::FieldInfo& field) {
    return std::ranges::find(field.input_keys, key) != field.input_keys.end();
  });
}

// By what names a body calls the key.
std::span<const std::string> key_names(const RowCodec& codec) {
  if (const auto field = codec.key_field()) {
    return codec.model().fields()[*field].input_keys;
  }
  return {&codec.table().columns[codec.table().key_column].name, 1};
}

bool is_key_name(const RowCodec& codec, std::string_view name) {
  return std::ranges::find(key_names(codec), name) != key_names(codec).end();
}

// What the body says about the key; nullptr where it says nothing.
const json::Value* given_key(const Resource& resource, const json::Value& input) {
  if (!input.is_object()) {
    return nullptr;
  }
  for (const std::string& name : key_names(resource.codec())) {
    if (const json::Value* const value = input.find(name)) {
      return value->is_null() ? nullptr : value;
    }
  }
  return nullptr;
}

// `input` without the members whose names `is_dropped` holds for.
json::Value without(const json::Value& input, json::Arena& arena, auto is_dropped) {
  if (!input.is_object() || std::ranges::none_of(input.members(), [&is_dropped](const json::Member& member) {
        return is_dropped(member.key.as_string());
      })) {
    return input;
  }
  auto* kept = arena.allocate_array<json::Member>(input.members().size());
  std::size_t count = 0;
  for (const json::Member& member : input.members()) {
    if (!is_dropped(member.key.as_string())) kept[count++] = member;
  }
  return json::Value::object({kept, count});
}

// Whether a body calls one of the fields of `columns` so.
bool is_name_of(const Resource& resource, const std::vector<std::size_t>& columns, std::string_view name) {
  return std::ranges::any_of(columns, [&](std::size_t column) {
    const std::vector<std::string>& keys = resource.codec().field_of(column)->input_keys;
    return std::ranges::find(keys, name) != keys.end();
  });
}

// `input` without what it says of the fields of `columns`.
json::Value without_columns(const Resource& resource, const std::vector<std::size_t>& columns, const json::Value& input,
                            json::Arena& arena) {
  return columns.empty()
             ? input
             : without(input, arena, [&](std::string_view name) { return is_name_of(resource, columns, name); });
}

bool is_missing(const schema::Error& error) { return error.type == "missing" && error.location.size() == 1; }

// The field that clients do not see and an error is within; nullptr where there is none, or where it is not there.
const schema::FieldInfo* unseen_field_of(const Resource& resource, const schema::Error& error) {
  const auto* const name = error.location.empty() ? nullptr : std::get_if<std::string>(&error.location[0]);
  if (name == nullptr || is_missing(error)) return nullptr;
  const auto found = std::ranges::find_if(resource.unseen(),
                                          [&](std::size_t column) { return is_name_of(resource, {column}, *name); });
  return found == resource.unseen().end() ? nullptr : resource.codec().field_of(*found);
}

// `input` without its key where that is no matter of the item's: an int of a new one is assigned, whatever the client
// says, and a model without the key has no field for it.
json::Value without_key(const RowCodec& codec, const json::Value& input, bool is_new, json::Arena& arena) {
  const bool is_assigned = is_new && codec.table().key_kind == storage::KeyKind::kInt;
  if (!is_assigned && codec.key_field()) {
    return input;
  }
  return without(input, arena, [&codec](std::string_view name) { return is_key_name(codec, name); });
}

schema::Error refused_key(const std::string& name, const json::Value& given, std::string_view reason) {
  return schema::Error{.type = "value_error",
                       .location = {name},
                       .message = "Value error, " + std::string(reason),
                       .input = given,
                       .context = value_error_context()};
}

// What nobody could ask for afterwards: a key is one segment of the path of its item. A slash separates segments, also
// as %2F (ASGI gives applications the decoded path); clients remove dot segments, also as %2E (RFC 3986, 6.2.2.3;
// WHATWG URL 4.4); and with nothing at all the path would be another one.
std::optional<std::string_view> why_not_in_a_path(std::string_view key) {
  if (key.empty()) {
    return "the key must not be empty, because it is a part of the item's path";
  }
  if (key == "." || key == "..") {
    return "the key must not be \".\" or \"..\", because it is a part of the item's path";
  }
  if (key.find('/') != std::string_view::npos) {
    return "the key must not contain \"/\", because it is a part of the item's path";
  }
  std::string encoded;
  text::append_percent_encoded(encoded, key);
  if (encoded.size() > kMaxEncodedKey) {
    return "the key must not be longer than 2,048 characters in the item's path, percent-encoded";
  }
  return std::nullopt;
}

// A key that a client chose for a new item.
std::optional<schema::Error> check_new_key(const Resource& resource, const storage::Cell& key,
                                           const json::Value& given) {
  const RowCodec& codec = resource.codec();
  if (codec.table().key_kind == storage::KeyKind::kString) {
    if (const auto reason = why_not_in_a_path(std::get<std::string>(key))) {
      return refused_key(codec.client_name(codec.table().key_column), given, *reason);
    }
  }
  return std::nullopt;
}

storage::Cell to_cell(const storage::Key& key) {
  return std::visit([](const auto& value) { return storage::Cell(value); }, key);
}

// Errors of a body, or of the item at `index` of the list that it is.
void refuse(schema::Errors found, std::optional<std::int64_t> index, schema::RequestErrors& errors) {
  if (index) {
    for (schema::Error& error : found) {
      std::vector<schema::LocationItem> location;
      location.emplace_back(*index);
      std::ranges::move(error.location, std::back_inserter(location));
      error.location = std::move(location);
    }
  }
  errors.add(found, kBody);
}

// What a patch has where an error of the merged item is: of a field that clients do not see nothing else may be shown.
// All of what it says of the field where the place is not in it, but in what was stored.
json::Value sent_for(const json::Value& patch, const schema::FieldInfo& field, const schema::Error& error) {
  const json::Value* const whole = find_field(patch, field);
  if (whole == nullptr) {
    return {};
  }
  const json::Value* found = whole;
  const std::size_t depth = error.location.size() - (error.type == "missing" ? 1 : 0);
  for (std::size_t at = 1; at < depth; ++at) {
    const auto* const name = std::get_if<std::string>(&error.location[at]);
    const auto* const index = std::get_if<std::int64_t>(&error.location[at]);
    if (name != nullptr && found->is_object()) {
      found = found->find(*name);
    } else if (index != nullptr && found->is_array() && std::cmp_less(*index, found->items().size())) {
      found = &found->items()[static_cast<std::size_t>(*index)];
    } else {
      found = nullptr;
    }
    if (found == nullptr) return *whole;
  }
  return *found;
}

// Errors of `item`, in which `input` stands that it was made of.
void refuse_item(schema::Errors found, const json::Value& item, const json::Value& input,
                 std::optional<std::int64_t> index, schema::RequestErrors& errors) {
  for (schema::Error& error : found) {
    if (error.input.is_object() && error.input.members().data() == item.members().data()) {
      error.input = input;  // as it was sent
    }
  }
  refuse(std::move(found), index, errors);
}

// `item`, in whose errors `input` stands that it was made of.
std::optional<json::Value> validate(const schema::Model& model, const json::Value& item, const json::Value& input,
                                    json::Arena& arena, schema::RequestErrors& errors,
                                    std::optional<std::int64_t> index = std::nullopt) {
  auto value = model.validate(item, arena);
  if (value) {
    return *value;
  }
  refuse_item(std::move(value.error()), item, input, index, errors);
  return std::nullopt;
}

// check_patch() by the item's own model.
void check_members(const Resource& resource, const json::Value& patch, json::Arena& arena,
                   schema::RequestErrors& errors) {
  const schema::Model& model = resource.codec().model();
  std::vector<json::Member> known;
  json::Value input = patch;
  if (patch.is_object()) {
    for (const json::Member& member : patch.members()) {
      if (!resource.codec().key_field() && is_key_name(resource.codec(), member.key.as_string())) {
        continue;
      }
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
  std::erase_if(value.error(), is_missing);
  errors.add(value.error(), kBody);
}

}  // namespace

const json::Value* find_field(const json::Value& value, const schema::FieldInfo& field) {
  if (!value.is_object()) return nullptr;
  for (const std::string& key : field.input_keys) {
    if (const json::Value* const found = value.find(key)) {
      return found;
    }
  }
  return nullptr;
}

json::Value without_read_only(const Resource& resource, const json::Value& input, json::Arena& arena) {
  return without_columns(resource, resource.read_only(), input, arena);
}

json::Value own_part(const Resource& resource, const json::Value& input, json::Arena& arena) {
  std::vector<std::size_t> ignored = resource.ignored();
  std::erase(ignored, resource.codec().table().key_column);  // it must be the one of the path
  return without_read_only(resource, without_columns(resource, ignored, input, arena), arena);
}

std::optional<storage::Row> read_new(const Resource& resource, const json::Value& input, const Scope* scope,
                                     json::Arena& arena, schema::RequestErrors& errors,
                                     std::optional<std::int64_t> index) {
  const json::Value said = without_columns(resource, resource.ignored(), input, arena);
  const json::Value own = without_read_only(resource, without_key(resource.codec(), said, true, arena), arena);
  const json::Value item = with_equalities(resource, scope, own, false, arena);
  const auto value = validate(resource.new_item_model(), item, input, arena, errors, index);
  return value ? to_item_row(resource, *value, said, nullptr, errors, index) : std::nullopt;
}

std::optional<storage::Row> read_replacement(const Resource& resource, const json::Value& input,
                                             const storage::Key* key, const Scope* scope, json::Arena& arena,
                                             schema::RequestErrors& errors) {
  const json::Value own = own_part(resource, without_key(resource.codec(), input, false, arena), arena);
  const json::Value said = without_columns(resource, resource.ignored(), own, arena);
  // What is wrong with a key that the body need not have is looked for in a body that is right without it.
  if (own.is_object() && said.members().size() != own.members().size() &&
      !validate(resource.put_model(), with_equalities(resource, scope, said, true, arena), input, arena, errors)) {
    return std::nullopt;
  }
  const json::Value item = with_equalities(resource, scope, own, true, arena);
  const auto value = validate(resource.put_model(), item, input, arena, errors);
  return value ? to_item_row(resource, *value, input, key, errors) : std::nullopt;
}

std::optional<storage::Row> read_merged(const Resource& resource, const json::Value& merged, const json::Value& patch,
                                        const storage::Key& key, json::Arena& arena, schema::RequestErrors& errors) {
  std::vector<std::size_t> kept;
  bool lacks_one = false;  // that the patch has taken out, and that there is no default of
  for (const std::size_t column : resource.unseen()) {
    const schema::FieldInfo& field = *resource.codec().field_of(column);
    if (find_field(patch, field) == nullptr) {
      kept.push_back(column);
    } else {
      lacks_one = lacks_one || (field.required && find_field(merged, field) == nullptr);
    }
  }
  const json::Value input = without_columns(resource, kept, merged, arena);
  const json::Value item = without_key(resource.codec(), input, false, arena);
  const bool asks_for_all = kept.empty() || lacks_one;
  auto value = (asks_for_all ? resource.codec().model() : resource.replacement_model()).validate(item, arena);
  if (!value) {
    std::erase_if(value.error(), [&](const schema::Error& error) {
      return is_missing(error) && is_name_of(resource, kept, std::get<std::string>(error.location[0]));
    });
    for (schema::Error& error : value.error()) {
      if (const schema::FieldInfo* const field = unseen_field_of(resource, error)) {
        error.input = sent_for(patch, *field, error);
      }
    }
    refuse_item(std::move(value.error()), item, input, std::nullopt, errors);
    return std::nullopt;
  }
  return to_item_row(resource, *value, input, &key, errors);
}

std::string missing_of_new(const Resource& resource, const json::Value& input, const storage::Row& row) {
  schema::RequestErrors errors;
  const RowCodec& codec = resource.codec();
  const auto is_in = [](const std::vector<std::size_t>& columns, std::size_t column) {
    return std::ranges::find(columns, column) != columns.end();
  };
  for (std::size_t column = 0; column < row.size(); ++column) {
    const bool is_read_only = is_in(resource.read_only(), column);
    if (row[column].index() != 0 || !(is_read_only || is_in(resource.unseen(), column))) continue;
    const schema::FieldInfo& field = *codec.field_of(column);
    const bool is_said = !is_read_only && find_field(input, field) != nullptr;
    if (!field.required || is_said) continue;
    const schema::Error missing{
        .type = "missing", .location = {field.input_key}, .message = "Field required", .input = input, .context = {}};
    errors.add({&missing, 1}, kBody);
  }
  return errors.entries();
}

std::optional<storage::Row> to_item_row(const Resource& resource, const json::Value& value, const json::Value& input,
                                        const storage::Key* key, schema::RequestErrors& errors,
                                        std::optional<std::int64_t> index) {
  const RowCodec& codec = resource.codec();
  auto row = codec.to_row(value, input);
  if (!row) {
    refuse({row.error()}, index, errors);
    return std::nullopt;
  }
  const std::size_t column = codec.table().key_column;
  const json::Value* const given = given_key(resource, input);
  storage::Cell& cell = (*row)[column];
  if (key != nullptr) {
    const bool is_own = codec.key_field()
                            ? cell == to_cell(*key)
                            : given != nullptr && given->is_int() && storage::Key(given->as_int()) == *key;
    if (given != nullptr && !is_own) {
      const schema::Error changed = refused_key(codec.client_name(column), *given,
                                                "the key of an item cannot be changed: it must be the one in the path");
      refuse({changed}, index, errors);
      return std::nullopt;
    }
    cell = to_cell(*key);
  } else if (codec.table().key_kind == storage::KeyKind::kInt) {
    cell = storage::Cell();
  } else if (codec.table().key_kind == storage::KeyKind::kUuid && text::can_make_uuid(codec.table().uuid_version)) {
    if (given == nullptr) {
      cell = storage::Cell();
    }
  } else if (cell.index() == 0) {
    const schema::Error missing{.type = "missing",
                                .location = {codec.client_name(column)},
                                .message = "Field required",
                                .input = input,
                                .context = {}};
    refuse({missing}, index, errors);
    return std::nullopt;
  }
  if (key == nullptr && cell.index() != 0) {
    const json::Value* const stated = find_field(input, codec.model().fields()[*codec.key_field()]);
    if (const auto refused = check_new_key(resource, cell, stated != nullptr ? *stated : json::Value())) {
      refuse({*refused}, index, errors);
      return std::nullopt;
    }
  }
  return std::move(*row);
}

std::expected<std::optional<json::Value>, schema::Rejection> read_document(const Resource& resource,
                                                                           std::string_view body,
                                                                           std::string_view content_type,
                                                                           json::Arena& arena) {
  if (body.empty()) {
    return std::nullopt;
  }
  const schema::Model& model = resource.codec().model();
  const bool is_json = content_type.empty() ? model.untyped_is_json() : text::is_json(content_type);
  const auto value = schema::read_body(body, is_json, model.parse_options(), arena);
  if (!value) {
    return std::unexpected(value.error());
  }
  return value->is_null() && model.null_is_missing() ? std::nullopt : std::optional(*value);
}

void require_document(const std::optional<json::Value>& document, schema::RequestErrors& errors) {
  if (document) {
    return;
  }
  const schema::Error missing{
      .type = "missing", .location = {}, .message = "Field required", .input = {}, .context = {}};
  errors.add({&missing, 1}, kBody);
}

json::Value own_patch(const Resource& resource, const json::Value& input, json::Arena& arena) {
  const json::Value own = without_read_only(resource, input, arena);
  const schema::Model* const model = resource.patch_model();
  if (model == nullptr) return own;
  return without(own, arena, [&](std::string_view name) {
    return !is_field(*model, name) && !is_key_name(resource.codec(), name);  // which must be the one of the path
  });
}

bool is_undecided(const Resource& resource, const json::Value& patch, json::Arena& arena) {
  schema::RequestErrors errors;
  if (const schema::Model* const own = resource.patch_model(); own != nullptr && own->may_be_undecided()) {
    check_patch(resource, patch, arena, errors);
  }
  const schema::Model& model = resource.codec().model();
  if (model.may_be_undecided()) {
    // An object is merged with what is stored: what becomes of it is not known yet.
    for (const json::Member& member : patch.members()) {
      if (member.value.is_object() && is_field(model, member.key.as_string())) return true;
    }
    check_members(resource, patch, arena, errors);
  }
  return errors.undecided();
}

void check_patch(const Resource& resource, const json::Value& patch, json::Arena& arena,
                 schema::RequestErrors& errors) {
  if (const schema::Model* const own = resource.patch_model()) {
    if (const auto value = own->validate(patch, arena); !value) errors.add(value.error(), kBody);
    return;
  }
  check_members(resource, patch, arena, errors);
}

}  // namespace data_bridge::crud
