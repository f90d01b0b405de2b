// A model, its table and what clients may ask of it: everything the operations of one resource share.
#include "crud/resource.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "crud/plain_number.hpp"
#include "crud/remembered_answers.hpp"
#include "schema/body.hpp"
#include "text/query_string.hpp"

namespace data_bridge::crud {
namespace {

std::expected<std::vector<std::vector<std::size_t>>, std::string> columns_of(
    const RowCodec& codec, const std::vector<std::vector<std::string>>& groups) {
  std::vector<std::vector<std::size_t>> columns;
  for (const std::vector<std::string>& group : groups) {
    std::vector<std::size_t>& places = columns.emplace_back();
    for (const std::string& field : group) {
      const auto column = codec.column_of(field);
      if (!column) {
        return std::unexpected("the model has no field \"" + field + "\" to make an index of");
      }
      places.push_back(*column);
    }
  }
  return columns;
}

// Columns, and what lists can be sorted by inside of them.
std::expected<std::vector<std::vector<storage::Field>>, std::string> indexes_of(
    const RowCodec& codec, const ListFields& listed, const std::vector<std::vector<std::string>>& groups) {
  std::vector<std::vector<storage::Field>> indexes;
  for (const std::vector<std::string>& group : groups) {
    std::vector<storage::Field>& fields = indexes.emplace_back();
    for (const std::string& name : group) {
      const ListField* const inside = listed.find(name);
      if (const auto column = codec.column_of(name)) {
        fields.push_back({.column = *column, .kind = codec.table().columns[*column].kind});
      } else if (inside != nullptr && !inside->field.members.empty() && inside->has_order()) {
        fields.push_back(inside->field);
      } else {
        return std::unexpected("the model has no field \"" + name + "\" to make an index of");
      }
    }
  }
  return indexes;
}

// The terms of `names`, "-price" for a descending one.
std::expected<std::vector<storage::SortTerm>, std::string> terms_of(const ListFields& fields,
                                                                    const std::vector<std::string>& names) {
  std::vector<storage::SortTerm> terms;
  for (const std::string& name : names) {
    const bool descending = name.starts_with('-');
    const ListField* const field = fields.find(std::string_view(name).substr(descending ? 1 : 0));
    if (field == nullptr || !field->has_order()) {
      return std::unexpected("the model has no field \"" + name.substr(descending ? 1 : 0) + "\" to sort by");
    }
    terms.push_back({.field = field->field, .descending = descending});
  }
  return terms;
}

// The columns of fields. `what` names what they could not; the key can where `may_be_key`.
std::expected<std::vector<std::size_t>, std::string> own_columns(const RowCodec& codec,
                                                                 const std::vector<std::string>& fields,
                                                                 std::string_view what, bool may_be_key = false) {
  std::vector<std::size_t> columns;
  for (const std::string& name : fields) {
    const auto column = codec.column_of(name);
    const bool is_refused_key = column && *column == codec.table().key_column && !may_be_key;
    if (!column || codec.field_of(*column) == nullptr || is_refused_key) {
      return std::unexpected("the model has no field \"" + name + "\" that could " + std::string(what));
    }
    columns.push_back(*column);
  }
  return columns;
}

}  // namespace

std::expected<std::shared_ptr<Resource>, std::string> Resource::make(ResourceModels models, ResourceOptions options) {
  auto codec = RowCodec::make(models.item, options.key, options.table);
  if (!codec) {
    return std::unexpected(std::move(codec.error()));
  }
  auto unique = columns_of(*codec, options.unique);
  if (!unique) {
    return std::unexpected(std::move(unique.error()));
  }
  codec->table().unique = std::move(*unique);
  for (const auto& [field, stored, former] : options.columns) {
    const auto column = codec->column_of(field);
    if (!column) {
      return std::unexpected("the model has no field \"" + field + "\" to name a column of");
    }
    codec->table().columns[*column].stored_name = stored;
    codec->table().columns[*column].former_name = former;
  }
  codec->table().migrate = options.migrate;
  codec->table().uuid_version = options.uuid_version;
  codec->table().query_timeout = options.timeout;
  auto fields = ListFields::make(models.filters, *codec, options.filters);
  if (!fields) {
    return std::unexpected(std::move(fields.error()));
  }
  auto indexes = indexes_of(*codec, **fields, options.indexes);
  if (!indexes) {
    return std::unexpected(std::move(indexes.error()));
  }
  codec->table().indexes = std::move(*indexes);
  auto sort = terms_of(**fields, options.sort);
  if (!sort) {
    return std::unexpected(std::move(sort.error()));
  }
  for (const auto& [field, descending] : *sort) {
    if (!field.members.empty()) {
      return std::unexpected("the default order can only be by fields of the model itself");
    }
    codec->table().sort.push_back({.column = field.column, .descending = descending});
  }
  std::vector<FrozenField> frozen;
  for (const auto& [name, word] : options.frozen) {
    const auto column = codec->column_of(name);
    const auto sameness = sameness_of(word);
    if (!column || !sameness || codec->field_of(*column) == nullptr || *column == codec->table().key_column) {
      return std::unexpected("the model has no field \"" + name + "\" to freeze");
    }
    frozen.push_back({.column = *column, .sameness = *sameness});
  }
  auto read_only = own_columns(*codec, options.read_only, "be read-only");
  if (!read_only) {
    return std::unexpected(std::move(read_only.error()));
  }
  auto unseen = own_columns(*codec, options.unseen, "be kept");
  if (!unseen) {
    return std::unexpected(std::move(unseen.error()));
  }
  auto ignored = own_columns(*codec, options.ignored, "be ignored", true);
  if (!ignored) {
    return std::unexpected(std::move(ignored.error()));
  }
  if (options.answer) {
    std::vector<std::pair<std::size_t, std::string>> shown;
    for (const auto& [field, name] : *options.answer) {
      const auto column = codec->column_of(field);
      if (!column) {
        return std::unexpected("the model has no field \"" + field + "\" to answer");
      }
      shown.emplace_back(*column, name);
    }
    codec->show_only(shown, options.answers_extra);
  }
  return std::shared_ptr<Resource>(new Resource(std::move(*codec), std::move(*fields), std::move(*sort),
                                                std::move(frozen), std::move(*read_only), std::move(*unseen),
                                                std::move(*ignored), std::move(models), std::move(options)));
}

Resource::Resource(RowCodec codec, std::unique_ptr<const ListFields> fields, std::vector<storage::SortTerm> sort,
                   std::vector<FrozenField> frozen, std::vector<std::size_t> read_only, std::vector<std::size_t> unseen,
                   std::vector<std::size_t> ignored, ResourceModels models, ResourceOptions options)
    : codec_(std::move(codec)),
      fields_(std::move(fields)),
      default_sort_(with_key(std::move(sort))),
      is_sorted_by_key_(default_sort_.front() == key_term(false)),
      frozen_(std::move(frozen)),
      read_only_(std::move(read_only)),
      unseen_(std::move(unseen)),
      ignored_(std::move(ignored)),
      models_(std::move(models)),
      options_(std::move(options)),
      cursors_(options_.table + " by " + options_.key, 1),
      tags_(codec_.table()) {}

storage::Status Resource::attach(std::shared_ptr<storage::Store> store) {
  auto collection = store->open_collection(codec_.table());
  if (!collection) {
    return std::unexpected(std::move(collection.error()));
  }
  std::shared_ptr<storage::Collection> answers;
  if (options_.creates) {
    auto opened = store->open_collection(answers_table());
    if (!opened) {
      return std::unexpected(std::move(opened.error()));
    }
    answers = std::move(*opened);
  }
  const std::lock_guard lock(mutex_);
  places_.push_back(std::make_unique<const Place>(Place{.store = std::move(store),
                                                        .collection = std::move(*collection),
                                                        .answers = std::move(answers),
                                                        .keys_in_progress = std::make_unique<KeysInProgress>()}));
  place_.store(places_.back().get(), std::memory_order_release);
  return {};
}

std::optional<storage::Key> Resource::read_key(std::string_view text, schema::RequestErrors& errors) const {
  const storage::KeyKind kind = codec_.table().key_kind;
  if (kind == storage::KeyKind::kString) {
    return std::string(text);
  }
  std::int64_t number = 0;
  if (kind == storage::KeyKind::kInt && read_plain(text, number)) {
    return number;
  }
  json::Arena arena(512);
  auto value = models_.key->validate_field(0, json::Value::string(text), arena);
  if (!value) {
    for (schema::Error& error : value.error()) {
      error.location.insert(error.location.begin(), options_.key);
    }
    errors.add(value.error(), "path");
    return std::nullopt;
  }
  if (value->is_big_int()) {
    return std::nullopt;
  }
  if (value->is_int()) {
    return value->as_int();
  }
  return std::string(value->as_string());
}

bool Resource::may_create(const storage::Key& key) const {
  const auto field = codec_.key_field();
  if (!options_.creates || !field || codec_.table().key_kind == storage::KeyKind::kInt) {
    return false;
  }
  json::Arena arena(512);
  const auto& text = std::get<std::string>(key);
  const auto value = codec_.model().validate_field(*field, json::Value::string(text), arena);
  return value && value->is_string() && value->as_string() == text;
}

void Resource::refuse_parameters(std::string_view query, schema::RequestErrors& errors) const {
  if (query.empty()) {
    return;
  }
  json::Arena arena;
  for (const json::Member& member : group_parameters(query, arena)) {
    const schema::Error unknown{.type = "extra_forbidden",
                                .location = {std::string(member.key.as_string())},
                                .message = "Extra inputs are not permitted",
                                .input = member.value,
                                .context = {}};
    errors.add({&unknown, 1}, "query");
  }
}

std::vector<json::Member> Resource::group_parameters(std::string_view query, json::Arena& arena) const {
  std::vector<json::Member> members;
  std::vector<std::vector<json::Value>> values;    // of each member
  std::map<std::string_view, std::size_t> places;  // no hash table: the client chooses the names
  for (const text::QueryParameter& parameter : text::QueryString(query)) {
    const std::string decoded = parameter.name();
    if (is_ignored(decoded)) {
      continue;
    }
    auto place = places.find(decoded);
    if (place == places.end()) {
      const std::string_view name = arena.copy(decoded);
      place = places.emplace(name, members.size()).first;
      members.push_back({.key = json::Value::string(name), .value = {}});
      values.emplace_back();
    }
    values[place->second].push_back(json::Value::string(arena.copy(parameter.value())));
  }
  for (std::size_t at = 0; at < members.size(); ++at) {
    if (values[at].size() == 1) {
      members[at].value = values[at].front();
      continue;
    }
    auto* items = arena.allocate_array<json::Value>(values[at].size());
    std::ranges::copy(values[at], items);
    members[at].value = json::Value::array({items, values[at].size()});
  }
  return members;
}

bool Resource::is_ignored(std::string_view parameter) const noexcept {
  return parameter == "_" ||
         std::ranges::find(options_.foreign_parameters, parameter) != options_.foreign_parameters.end();
}

storage::SortTerm Resource::key_term(bool descending) const {
  const std::size_t column = codec_.table().key_column;
  return {.field = {.column = column,
                    .members = {},
                    .kind = codec_.table().columns[column].kind,
                    .is_list = false,
                    .nullable = false},
          .descending = descending};
}

std::vector<storage::SortTerm> Resource::with_key(std::vector<storage::SortTerm> terms) const {
  const storage::SortTerm key = key_term(!terms.empty() && terms.back().descending);
  const auto named = std::ranges::find(terms, key.field, &storage::SortTerm::field);
  if (named == terms.end()) {
    terms.push_back(key);
  } else {
    terms.erase(named + 1, terms.end());  // nothing is left to decide
  }
  return terms;
}

void Resource::fail(Response& response, const storage::Error& error) const {
  std::vector<std::string> fields;
  for (const std::string& field : error.fields) {
    if (const auto named = options_.conflict_names.find(field); named != options_.conflict_names.end()) {
      if (!named->second.empty()) fields.push_back(named->second);
      continue;
    }
    const auto column = codec_.column_of(field);
    fields.push_back(column ? codec_.client_name(*column) : field);
  }
  respond_with(response, error, fields);
  if (options_.log && is_worth_logging(error.code)) {
    options_.log(options_.table + ": " + error.detail);
  }
}

}  // namespace data_bridge::crud
