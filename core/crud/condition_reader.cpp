// Conditions as clients write them: as parameters of a URL and as JSON.
#include "crud/condition_reader.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "crud/nearest.hpp"
#include "crud/response.hpp"
#include "json/parser.hpp"

namespace data_bridge::crud {
namespace {

using storage::Condition;
using storage::Operator;

constexpr std::string_view kSeparator = "__";

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

// JSON proper: Python also reads NaN, infinities and halves of surrogate pairs, which no answer could repeat.
bool is_plain(const json::Value& value) noexcept {
  if (value.is_double()) return std::isfinite(value.as_double());
  if (value.is_array()) return std::ranges::all_of(value.items(), is_plain);
  if (!value.is_object()) return !value.has_surrogates();
  return std::ranges::all_of(value.members(), [](const json::Member& member) {
    return !member.key.has_surrogates() && is_plain(member.value);
  });
}

bool takes_list(Operator op) noexcept { return op == Operator::kIn || op == Operator::kNotIn; }

}  // namespace

void ConditionReader::fail(std::string_view type, std::string message, const json::Value& input,
                           std::vector<schema::Context> context) {
  if (errors_.size() < schema::kMaxErrors) {
    errors_.push_back({.type = type,
                       .location = location_,
                       .message = std::move(message),
                       .input = input,
                       .context = std::move(context)});
  }
}

void ConditionReader::fail_value(std::string message, const json::Value& input) {
  fail("value_error", "Value error, " + std::move(message), input, value_error_context());
}

bool ConditionReader::is_too_much(const json::Value& input) {
  if (is_full_) return true;
  if (conditions_ > kMaxConditions) {
    fail_value("there may be at most " + std::to_string(kMaxConditions) + " conditions", input);
    is_full_ = true;
  } else if (values_ > kMaxValues) {
    fail_value("the conditions may have at most " + std::to_string(kMaxValues) + " values", input);
    is_full_ = true;
  }
  return is_full_;
}

// A whole name first: a field may be called like another one and an operator.
std::optional<ConditionReader::Target> ConditionReader::find_target(std::string_view name, const json::Value& input) {
  if (const ListField* const field = fields_.find(name)) {
    if (has_operator(*field, Operator::kEqual)) return Target{.field = field, .op = Operator::kEqual};
    fail_value("write " + quoted(std::string(name) + "__" + std::string(operators_of(*field).front())) +
                   ": values of " + quoted(name) + " cannot be compared as a whole",
               input);
    return std::nullopt;
  }
  const std::size_t separator = name.rfind(kSeparator);
  const ListField* const field =
      separator == std::string_view::npos ? nullptr : fields_.find(name.substr(0, separator));
  if (field == nullptr) {
    std::vector<std::string_view> known;
    if (location_.size() == 1) {
      for (const schema::FieldInfo& parameter : parameters_) known.emplace_back(parameter.name);
    }
    std::ranges::copy(fields_.names(), std::back_inserter(known));
    const std::string_view meant =
        nearest(separator == std::string_view::npos ? name : name.substr(0, separator), known);
    fail("extra_forbidden",
         "Extra inputs are not permitted" + (meant.empty() ? "" : "; the nearest name is " + quoted(meant)), input);
    return std::nullopt;
  }
  const std::string_view word = name.substr(separator + kSeparator.size());
  const auto op = operator_of(word);
  if (!op || !has_operator(*field, *op)) {
    const auto words = operators_of(*field);
    std::string all;
    for (const std::string_view each : words) all += (all.empty() ? "" : ", ") + std::string(each);
    fail("extra_forbidden",
         "Extra inputs are not permitted; " + quoted(field->name) + " has no operator " + quoted(word) +
             ", the nearest is " + quoted(nearest(word, words)) + " of " + all,
         input);
    return std::nullopt;
  }
  return Target{.field = field, .op = *op};
}

void ConditionReader::add_value(const Target& target, const json::Value& input, std::optional<std::int64_t> index,
                                Condition& test) {
  ++values_;
  if (is_too_much(input)) return;
  auto value = fields_.read_value(*target.field, target.op, input, arena_);
  if (value) {
    test.values.push_back(std::move(*value));
    return;
  }
  for (schema::Error& error : value.error()) {
    std::vector<schema::LocationItem> location = location_;
    if (index) location.emplace_back(*index);
    std::ranges::move(error.location, std::back_inserter(location));
    error.location = std::move(location);
    errors_.push_back(std::move(error));
  }
}

void ConditionReader::read_test(std::string_view name, const json::Value& input, std::vector<Condition>& into) {
  ++conditions_;
  if (is_too_much(input)) return;
  const auto target = find_target(name, input);
  if (!target) return;
  Condition test{.type = Condition::Type::kTest, .field = target->field->field, .op = target->op};
  if (!takes_list(target->op)) {
    add_value(*target, input, std::nullopt, test);
  } else if (!input.is_array()) {
    fail("list_type", "Input should be a valid list", input);
  } else {
    std::int64_t index = 0;
    for (const json::Value& item : input.items()) add_value(*target, item, index++, test);
  }
  into.push_back(std::move(test));
}

void ConditionReader::read_parameter(std::string_view name, std::string_view value) {
  name = arena_.copy(name);
  value = arena_.copy(value);
  location_ = {std::string(name)};
  const std::size_t separator = name.rfind(kSeparator);
  const auto op = separator == std::string_view::npos || fields_.find(name) != nullptr
                      ? std::nullopt
                      : operator_of(name.substr(separator + kSeparator.size()));
  if (!op || !takes_list(*op)) {
    read_test(name, json::Value::string(value), parts_);
    return;
  }
  std::vector<json::Value> items;
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    items.push_back(json::Value::string(value.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    value.remove_prefix(comma + 1);
    if (value.empty()) items.push_back(json::Value::string(""));
  }
  auto* const copies = arena_.allocate_array<json::Value>(items.size());
  std::ranges::copy(items, copies);
  read_test(name, json::Value::array({copies, items.size()}), parts_);
}

void ConditionReader::read_where(std::string_view text) {
  location_ = {std::string("where")};
  text = arena_.copy(text);
  constexpr std::uint32_t kMaxDepth = 64;  // enough for every condition
  const auto value = json::parse(text, arena_, {.max_depth = kMaxDepth});
  if (!value || !is_plain(*value)) {
    const bool is_syntax = !value && value.error().kind == json::ParseErrorKind::kSyntax;
    const std::string reason = is_syntax ? value.error().message : "Not a JSON text of reasonable size and depth";
    fail("json_invalid", "JSON decode error", json::Value::string(text),
         {schema::Context{.key = "error", .value = reason}});
    return;
  }
  read_condition(*value, 1, parts_);
}

// An object: all of it. A list: any of it.
void ConditionReader::read_condition(const json::Value& input, std::size_t depth, std::vector<Condition>& into) {
  if (depth > kMaxConditionDepth) {
    if (!is_full_) {
      fail_value("conditions may lie within each other at most " + std::to_string(kMaxConditionDepth) + " deep",
                 json::Value());
    }
    is_full_ = true;
    return;
  }
  if (input.is_array()) {
    read_alternatives(input, depth, into);
    return;
  }
  if (!input.is_object()) {
    fail_value("a condition is an object or a list", input);
    return;
  }
  for (const json::Member& member : input.members()) {
    const std::string_view name = member.key.as_string();
    location_.emplace_back(std::string(name));
    if (name == "or") {
      if (member.value.is_array()) {
        read_alternatives(member.value, depth + 1, into);
      } else {
        fail("list_type", "Input should be a valid list", member.value);
      }
    } else if (name == "not") {
      Condition opposite{.type = Condition::Type::kNot};
      Condition& all = opposite.parts.emplace_back(Condition{.type = Condition::Type::kAll});
      read_condition(member.value, depth + 1, all.parts);
      into.push_back(std::move(opposite));
    } else {
      read_test(name, member.value, into);
    }
    location_.pop_back();
  }
}

void ConditionReader::read_alternatives(const json::Value& input, std::size_t depth, std::vector<Condition>& into) {
  Condition any{.type = Condition::Type::kAny};
  std::int64_t index = 0;
  for (const json::Value& item : input.items()) {
    ++conditions_;  // also of empty ones
    if (is_too_much(item)) return;
    location_.emplace_back(index++);
    Condition all{.type = Condition::Type::kAll};
    read_condition(item, depth + 1, all.parts);
    any.parts.push_back(std::move(all));
    location_.pop_back();
  }
  into.push_back(std::move(any));
}

std::optional<Condition> ConditionReader::take() {
  if (parts_.empty()) return std::nullopt;
  return Condition{.type = Condition::Type::kAll, .parts = std::move(parts_)};
}

}  // namespace data_bridge::crud
