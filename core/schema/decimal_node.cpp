// The validator of Decimal (pydantic-core, src/validators/decimal.rs).
#include "schema/decimal_node.hpp"

#include <string>

#include "json/writer.hpp"

namespace data_bridge::schema {

namespace {

bool fail_digits(State& state, const json::Value& input, std::string_view type, std::string_view key,
                 std::uint64_t bound, std::string_view unit, std::string_view rest) {
  const auto number = static_cast<std::int64_t>(bound);
  std::string message("Decimal input should have no more than ");
  json::append_int(message, number);
  message.append(unit).append(bound == 1 ? "" : "s").append(rest);
  return state.fail(type, std::move(message), input, {{key, json::Value::integer(number)}});
}

}  // namespace

bool DecimalNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (strict_) {
    return state.fail("is_instance_of", "Input should be an instance of Decimal", input, {{"class", "Decimal"}});
  }
  std::string number;
  std::string_view text;
  switch (input.type()) {
    case json::Type::kString:
    case json::Type::kBigInt:
      text = input.as_string();
      break;
    case json::Type::kInt:
      json::append_int(number, input.as_int());
      text = number;
      break;
    case json::Type::kDouble:
      json::append_python_repr(number, input.as_double());
      text = number;
      break;
    default:
      return state.fail("decimal_type", "Decimal input should be an integer, float, string or Decimal object", input);
  }
  const auto value = parse_decimal(text, zeros_);
  if (!value) {
    return state.fail("decimal_parsing", "Input should be a valid decimal", input);
  }
  if (!value->finite) {
    return state.fail("finite_number", "Input should be a finite number", input);
  }
  if (!check_digits(*value, input, state) || !check(*value, input, state)) {
    return false;
  }
  state.floor_exactness(Exactness::kLax);
  std::string written;
  append_decimal(written, *value);
  out = json::Value::string(input.is_string() && input.as_string() == written ? input.as_string()
                                                                              : state.arena().copy(written));
  return true;
}

// Each rule is broken only where it is both with and without the zeros at the end.
bool DecimalNode::check_digits(const Decimal& value, const json::Value& input, State& state) const {
  const auto& [max_digits, places, multiple_of, bounds] = constraints_;
  if (!max_digits && !places) {
    return true;
  }
  const DigitCount given = count_digits(value);
  const DigitCount least = count_digits(normalized(value));
  if (max_digits && given.digits > *max_digits && least.digits > *max_digits) {
    return fail_digits(state, input, "decimal_max_digits", "max_digits", *max_digits, " digit", " in total");
  }
  if (!places) {
    return true;
  }
  if (given.places > *places && least.places > *places) {
    return fail_digits(state, input, "decimal_max_places", "decimal_places", *places, " decimal place", "");
  }
  if (max_digits) {
    const std::uint64_t bound = *max_digits > *places ? *max_digits - *places : 0;
    if (given.digits - given.places > bound && least.digits - least.places > bound) {
      return fail_digits(state, input, "decimal_whole_digits", "whole_digits", bound, " digit",
                         " before the decimal point");
    }
  }
  return true;
}

bool DecimalNode::check(const Decimal& value, const json::Value& input, State& state) const {
  if (const auto& divisor = constraints_.multiple_of; divisor && !is_multiple(value, divisor->order)) {
    return state.fail("multiple_of", "Input should be a multiple of " + divisor->display, input,
                      {{"multiple_of", divisor->context}});
  }
  return constraints_.bounds.check(value, input, state);
}

}  // namespace data_bridge::schema
