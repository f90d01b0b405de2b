// A model, its table and what clients may ask of it: everything the operations of one resource share.
#include "crud/resource.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "schema/body.hpp"
#include "text/characters.hpp"
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

// A plain number, by far the most frequent spelling; anything else goes the way of the model.
template <typename Number>
bool read_plain(std::string_view text, Number& number) noexcept {
  const bool plain = !text.empty() && text.size() <= 18 && (text.front() != '0' || text.size() == 1) &&
                     std::ranges::all_of(text, text::is_digit);
  return plain && std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc();
}

bool is_foreign(const ResourceOptions& options, const std::string& parameter) {
  return std::ranges::find(options.foreign_parameters, parameter) != options.foreign_parameters.end();
}

}  // namespace

std::expected<std::shared_ptr<Resource>, std::string> Resource::make(ResourceModels models, ResourceOptions options) {
  auto codec = RowCodec::make(models.item, options.key, options.table);
  if (!codec) {
    return std::unexpected(std::move(codec.error()));
  }
  auto unique = columns_of(*codec, options.unique);
  auto indexes = columns_of(*codec, options.indexes);
  if (!unique || !indexes) {
    return std::unexpected(std::move(unique ? indexes.error() : unique.error()));
  }
  codec->table().unique = std::move(*unique);
  codec->table().indexes = std::move(*indexes);
  return std::shared_ptr<Resource>(new Resource(std::move(*codec), std::move(models), std::move(options)));
}

Resource::Resource(RowCodec codec, ResourceModels models, ResourceOptions options)
    : codec_(std::move(codec)),
      models_(std::move(models)),
      options_(std::move(options)),
      cursors_(options_.table + " by " + options_.key, codec_.table().key_kind) {}

storage::Status Resource::attach(std::shared_ptr<storage::Store> store) {
  auto collection = store->open_collection(codec_.table());
  if (!collection) {
    return std::unexpected(std::move(collection.error()));
  }
  const std::lock_guard lock(mutex_);
  places_.push_back(std::make_unique<const Place>(Place{std::move(store), std::move(*collection)}));
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

Page Resource::read_page(std::string_view query, schema::RequestErrors& errors) const {
  Page page{.limit = static_cast<std::size_t>(options_.page_size), .after = std::nullopt};
  if (query.empty()) {
    return page;
  }
  constexpr std::string_view kLimit = "limit=";
  std::int64_t limit = 0;
  if (query.starts_with(kLimit) && read_plain(query.substr(kLimit.size()), limit) && limit >= 1 &&
      limit <= options_.max_page_size) {
    page.limit = static_cast<std::size_t>(limit);
  } else {
    read_page_slowly(query, page, errors);
  }
  return page;
}

void Resource::read_page_slowly(std::string_view query, Page& page, schema::RequestErrors& errors) const {
  json::Arena arena;
  const std::vector<json::Member> members = group_parameters(query, models_.page.get(), arena);
  const json::Value parameters = json::Value::object(members);
  schema::Errors found;
  if (auto value = models_.page->validate(parameters, arena)) {
    page.limit = static_cast<std::size_t>(value->find("limit")->as_int());
  } else {
    found = std::move(value.error());
  }
  if (const json::Value* const cursor = parameters.find("cursor")) {
    page.after = cursors_.decode(cursor->as_string());
    if (!page.after) {
      // Behind the limit and before what is not known, where a validator of the model's would have it.
      found.insert(std::ranges::find(found, "extra_forbidden", &schema::Error::type),
                   schema::Error{.type = "value_error",
                                 .location = {std::string("cursor")},
                                 .message = "Value error, the cursor is damaged or belongs to another query",
                                 .input = *cursor,
                                 .context = value_error_context()});
    }
  }
  errors.add(found, "query");
}

void Resource::refuse_parameters(std::string_view query, schema::RequestErrors& errors) const {
  if (query.empty()) {
    return;
  }
  json::Arena arena;
  for (const json::Member& member : group_parameters(query, nullptr, arena)) {
    const schema::Error unknown{.type = "extra_forbidden",
                                .location = {std::string(member.key.as_string())},
                                .message = "Extra inputs are not permitted",
                                .input = member.value,
                                .context = {}};
    errors.add({&unknown, 1}, "query");
  }
}

std::vector<json::Member> Resource::group_parameters(std::string_view query, const schema::Model* model,
                                                     json::Arena& arena) const {
  std::vector<json::Member> members;
  std::vector<std::vector<json::Value>> values;    // of each member
  std::map<std::string_view, std::size_t> places;  // no hash table: the client chooses the names
  for (const text::QueryParameter& parameter : text::QueryString(query)) {
    const std::string decoded = parameter.name();
    const bool is_known = model != nullptr && model->field_index(decoded);
    if (!is_known && is_foreign(options_, decoded)) {
      continue;
    }
    auto place = places.find(decoded);
    if (place == places.end()) {
      const std::string_view name = arena.copy(decoded);
      place = places.emplace(name, members.size()).first;
      members.push_back({.key = json::Value::string(name), .value = {}});
      values.emplace_back();
    }
    std::vector<json::Value>& same = values[place->second];
    if (is_known) {
      same.clear();
    }
    same.push_back(json::Value::string(arena.copy(parameter.value())));
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

void Resource::fail(Response& response, const storage::Error& error) const {
  std::vector<std::string> fields;
  for (const std::string& field : error.fields) {
    const auto column = codec_.column_of(field);
    fields.push_back(column ? codec_.client_name(*column) : field);
  }
  respond_with(response, error, fields);
  if (options_.log && is_worth_logging(error.code)) {
    options_.log(options_.table + ": " + error.detail);
  }
}

}  // namespace data_bridge::crud
