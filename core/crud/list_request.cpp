// What the query of a list asks for.
#include "crud/list_request.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "crud/condition_reader.hpp"
#include "crud/nearest.hpp"
#include "crud/plain_number.hpp"
#include "crud/response.hpp"
#include "text/query_string.hpp"

namespace data_bridge::crud {
namespace {

constexpr std::string_view kPlace = "query";

// False, and `limit` as it was, for other spellings and what is no size of a page: those are for the model to read.
bool read_plain_limit(const Resource& resource, std::string_view text, std::size_t& limit) noexcept {
  std::size_t number = 0;
  if (!read_plain(text, number) || number == 0 || number > resource.max_page_size()) return false;
  limit = number;
  return true;
}

// One error of a parameter, and which name was meant.
void refuse(schema::RequestErrors& errors, std::string_view parameter, std::string message, std::string_view input) {
  const schema::Error error{.type = "value_error",
                            .location = {std::string(parameter)},
                            .message = "Value error, " + std::move(message),
                            .input = json::Value::string(input),
                            .context = value_error_context()};
  errors.add({&error, 1}, kPlace);
}

std::string unknown_name(std::string_view what, std::string_view name, const std::vector<std::string_view>& known) {
  const std::string_view meant = nearest(name, known);
  return "'" + std::string(name) + "' is no " + std::string(what) +
         (meant.empty() ? "" : ", the nearest is '" + std::string(meant) + "'");
}

// The parts of "a,b,c".
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

// nullopt: `errors` says why.
std::optional<std::vector<storage::SortTerm>> read_sort(const Resource& resource, std::string_view text,
                                                        schema::RequestErrors& errors) {
  std::vector<storage::SortTerm> terms;
  for (std::string_view name : split(text)) {
    const bool descending = name.starts_with('-');
    if (descending || name.starts_with('+')) name.remove_prefix(1);
    const ListField* const field = resource.fields().find(name);
    if (field == nullptr || !field->has_order()) {
      refuse(errors, "sort", unknown_name("field to sort by", name, resource.fields().sortable_names()), text);
      return std::nullopt;
    }
    const bool is_new = std::ranges::find(terms, field->field, &storage::SortTerm::field) == terms.end();
    if (is_new) terms.push_back({.field = field->field, .descending = descending});
    if (terms.size() > kMaxSortTerms) {
      refuse(errors, "sort", "there may be at most " + std::to_string(kMaxSortTerms) + " terms", text);
      return std::nullopt;
    }
  }
  return terms;
}

// Of a resource whose answers are written elsewhere: its items are needed whole, and the names are only checked.
std::vector<std::size_t> check_answer_names(const Resource& resource, std::string_view text,
                                            schema::RequestErrors& errors) {
  const std::vector<std::string>& names = resource.answer_names();
  for (const std::string_view name : split(text)) {
    if (std::ranges::find(names, name) == names.end()) {
      refuse(errors, "fields", unknown_name("field", name, {names.begin(), names.end()}), text);
      break;
    }
  }
  return {};
}

std::vector<std::size_t> read_columns(const Resource& resource, std::string_view text, schema::RequestErrors& errors) {
  if (!resource.answer_names().empty()) return check_answer_names(resource, text, errors);
  std::vector<std::size_t> columns;
  for (const std::string_view name : split(text)) {
    const auto column = resource.codec().column_of_output(name);
    if (!column) {
      refuse(errors, "fields", unknown_name("field", name, resource.codec().output_names()), text);
      return {};
    }
    columns.push_back(*column);
  }
  std::ranges::sort(columns);
  const auto repeated = std::ranges::unique(columns);
  columns.erase(repeated.begin(), repeated.end());
  return columns;
}

void append_name(std::string& out, const storage::Field& field) {
  append_binary(out, static_cast<std::int64_t>(field.column));
  for (const std::string& member : field.members) append_binary(out, member);
  out += field.is_list ? 'L' : 'F';
}

void append_condition(std::string& out, const storage::Condition& condition) {
  out += static_cast<char>('0' + static_cast<int>(condition.type));
  for (const storage::Condition& part : condition.parts) append_condition(out, part);
  if (condition.type == storage::Condition::Type::kTest) {
    append_name(out, condition.field);
    out += static_cast<char>('A' + static_cast<int>(condition.op));
    for (const storage::Cell& value : condition.values) append_binary(out, value);
  }
  out += ')';
}

// Everything that fixes which items there are and in which order.
CursorCodec cursors_of(const Resource& resource, const storage::ListQuery& query) {
  std::string text = resource.codec().table().name + " by ";
  for (const storage::SortTerm& term : query.sort) {
    append_name(text, term.field);
    text += term.descending ? '-' : '+';
  }
  if (query.condition) append_condition(text, *query.condition);
  return {text, std::max<std::size_t>(query.sort.size(), 1)};
}

class Reader {
 public:
  Reader(const Resource& resource, const Scope* scope, schema::RequestErrors& errors)
      : resource_(resource), scope_(scope), errors_(errors) {}

  void read(std::string_view query, ListRequest& request) {
    split_parameters(query);
    read_page(request);
    const bool ordered = read_order(request);
    if (const auto* const names = last("fields")) request.columns = read_columns(resource_, *names, errors_);
    ConditionReader conditions(resource_.fields(), resource_.page_model().fields(), arena_);
    for (const std::string& where : wheres_) conditions.read_where(where);
    for (const auto& [name, value] : filters_) conditions.read_parameter(name, value);
    request.query.condition = conditions.take();
    confine(request.query.condition, scope_);
    if (request.query.condition || !request.query.sort.empty()) {
      request.cursors = cursors_of(resource_, request.query);
    }
    const auto* const cursor = last("cursor");
    if (cursor != nullptr && ordered && conditions.errors().empty()) read_cursor(*cursor, request);
    errors_.add(conditions.errors(), kPlace);
  }

 private:
  using Parameter = std::pair<std::string, std::string>;

  void split_parameters(std::string_view query) {
    for (const text::QueryParameter& parameter : text::QueryString(query)) {
      std::string name = parameter.name();
      if (name == "where") wheres_.push_back(parameter.value());
      const bool is_known = resource_.page_model().field_index(name).has_value();
      if (is_known) {
        const auto same = std::ranges::find(known_, name, &Parameter::first);
        if (same == known_.end()) {
          known_.emplace_back(std::move(name), parameter.value());
        } else {
          same->second = parameter.value();  // the last one counts, as for FastAPI
        }
      } else if (!resource_.is_ignored(name)) {
        filters_.emplace_back(std::move(name), parameter.value());
      }
    }
  }

  [[nodiscard]] const std::string* last(std::string_view name) const {
    const auto found = std::ranges::find(known_, name, &Parameter::first);
    return found == known_.end() ? nullptr : &found->second;
  }

  void read_page(ListRequest& request) {
    const std::string* const limit = last("limit");
    const bool is_plain = limit == nullptr || read_plain_limit(resource_, *limit, request.query.limit);
    if (is_plain && last("offset") == nullptr && last("total") == nullptr) return;  // the others are any text
    std::vector<json::Member> members;
    members.reserve(known_.size());
    for (const auto& [name, value] : known_) {
      members.push_back({.key = json::Value::string(name), .value = json::Value::string(value)});
    }
    const auto page = resource_.page_model().validate(json::Value::object(members), arena_);
    if (!page) {
      errors_.add(page.error(), kPlace);
      return;
    }
    request.query.limit = static_cast<std::size_t>(page->find("limit")->as_int());
    request.query.offset = static_cast<std::uint64_t>(page->find("offset")->as_int());
    request.query.wants_total = page->find("total")->as_bool();
    const std::string* const offset = last("offset");
    if (offset != nullptr && last("cursor") != nullptr) {
      refuse(errors_, "offset", "it is instead of a cursor, not beside one", *offset);
    }
  }

  bool read_order(ListRequest& request) {
    const std::string* const text = last("sort");
    if (text == nullptr) {
      request.query.sort = resource_.default_sort();
    } else {
      auto terms = read_sort(resource_, *text, errors_);
      if (!terms) return false;
      request.query.sort = resource_.with_key(std::move(*terms));
    }
    // By the key alone is what an absent order means, and what plain lists have a statement for.
    if (request.query.sort.front() == resource_.key_term(false)) request.query.sort.clear();
    return true;
  }

  void read_cursor(const std::string& cursor, ListRequest& request) {
    const CursorCodec& cursors = request.cursors ? *request.cursors : resource_.cursors();
    if (auto after = cursors.decode(cursor)) {
      request.query.after = std::move(*after);
    } else {
      refuse(errors_, "cursor", "the cursor is damaged or belongs to another query", cursor);
    }
  }

  const Resource& resource_;
  const Scope* const scope_;
  schema::RequestErrors& errors_;
  json::Arena arena_;
  std::vector<Parameter> known_;
  std::vector<Parameter> filters_;
  std::vector<std::string> wheres_;  // each holds, as filters do
};

}  // namespace

ListRequest read_list(const Resource& resource, const Scope* scope, std::string_view query,
                      schema::RequestErrors& errors) {
  ListRequest request;
  request.query.limit = resource.page_size();
  constexpr std::string_view kLimit = "limit=";
  const bool is_limit_alone =
      query.starts_with(kLimit) && read_plain_limit(resource, query.substr(kLimit.size()), request.query.limit);
  if (query.empty() || is_limit_alone) {
    if (!resource.is_sorted_by_key()) request.query.sort = resource.default_sort();
    confine(request.query.condition, scope);
    if (request.query.condition || !request.query.sort.empty()) {
      request.cursors = cursors_of(resource, request.query);
    }
  } else {
    Reader(resource, scope, errors).read(query, request);
  }
  return request;
}

}  // namespace data_bridge::crud
