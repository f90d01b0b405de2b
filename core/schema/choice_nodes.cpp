// Validators of Literal and Enum (pydantic-core, src/validators/literal.rs and enum_.rs).
#include "schema/choice_nodes.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <ranges>

#include "schema/numbers.hpp"

namespace data_bridge::schema {

namespace {

// The integer that a number equals in Python, where True == 1 == 1.0.
std::optional<std::int64_t> numeric(const json::Value& value) noexcept {
  if (value.is_bool()) {
    return value.as_bool() ? 1 : 0;
  }
  if (value.is_int()) {
    return value.as_int();
  }
  if (value.is_double() && value.as_double() >= -0x1p63 && value.as_double() < 0x1p63 &&
      value.as_double() == std::trunc(value.as_double())) {
    return static_cast<std::int64_t>(value.as_double());
  }
  return std::nullopt;
}

bool fail_size(State& state, const json::Value& input) {
  return state.fail("int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size", input);
}

}  // namespace

const json::Value* Choices::find(const json::Value& input) const noexcept {
  if (input.is_string()) {
    const auto found = std::ranges::find_if(
        values_, [&](const json::Value& value) { return value.is_string() && value.as_string() == input.as_string(); });
    return found == values_.end() ? nullptr : &*found;
  }
  const std::optional<std::int64_t> number = numeric(input);
  if (!number) {
    return nullptr;
  }
  for (const json::Value& value : values_) {
    if (value.type() == input.type() && numeric(value) == number) {
      return &value;
    }
  }
  // By equality the last of several equal choices is meant: Pydantic keeps them in a dict.
  for (const json::Value& value : std::views::reverse(values_)) {
    if (!value.is_string() && numeric(value) == number) {
      return &value;
    }
  }
  return nullptr;
}

FieldKind Choices::kind() const noexcept {
  const auto all = [&](json::Type type) {
    return std::ranges::all_of(values_, [type](const json::Value& value) { return value.type() == type; });
  };
  if (all(json::Type::kString)) {
    return FieldKind::kString;
  }
  if (all(json::Type::kInt)) {
    return FieldKind::kInt;
  }
  return all(json::Type::kBool) ? FieldKind::kBool : FieldKind::kJson;
}

bool Choices::refuses(const json::Value& input) const noexcept {
  return input.is_big_int() && std::ranges::any_of(values_, [](const json::Value& value) { return value.is_int(); });
}

bool LiteralNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (choices_.refuses(input)) {
    return fail_size(state, input);
  }
  const json::Value* choice = choices_.find(input);
  if (choice == nullptr) {
    return state.fail("literal_error", "Input should be " + expected_, input, {{"expected", expected_}});
  }
  out = *choice;
  return true;
}

bool EnumNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (!strict_class_.empty()) {
    return state.fail("is_instance_of", "Input should be an instance of " + strict_class_, input,
                      {{"class", strict_class_}});
  }
  if (choices_.refuses(input)) {
    return fail_size(state, input);
  }
  const json::Value* choice = nullptr;
  if (base_ == EnumBase::kInt) {
    State attempt(state.arena());  // a failed conversion is not the error that is reported
    json::Value integer;
    if (to_int(input, false, attempt, integer)) {
      if (choices_.refuses(integer)) {
        return fail_size(state, integer);  // Pydantic reports the converted value
      }
      choice = choices_.find(integer);
    }
  } else if (base_ == EnumBase::kPlain || input.is_string()) {
    choice = choices_.find(input);
  }
  if (choice == nullptr) {
    return state.fail("enum", "Input should be " + expected_, input, {{"expected", expected_}});
  }
  state.floor_exactness(Exactness::kLax);
  out = *choice;
  return true;
}

}  // namespace data_bridge::schema
