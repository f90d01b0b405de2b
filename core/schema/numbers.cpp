// Validators of int, float and bool: conversions, bounds and their messages.
#include "schema/numbers.hpp"

#include <cmath>

#include "json/writer.hpp"
#include "schema/lax.hpp"

namespace data_bridge::schema {

namespace {

std::string display(const json::Value& value) {
  std::string text;
  if (value.is_double()) {
    append_display(text, value.as_double());
  } else if (value.is_int()) {
    json::append_int(text, value.as_int());
  } else {
    text.append(value.as_string());
  }
  return text;
}

bool fail_bound(State& state, std::string_view type, std::string_view key, std::string_view phrase,
                const json::Value& input, const json::Value& bound) {
  return state.fail(type, std::string("Input should be ").append(phrase).append(display(bound)), input, {{key, bound}});
}

}  // namespace

bool to_int(const json::Value& input, bool strict, State& state, json::Value& out) {
  if (input.is_int() || input.is_big_int()) {
    out = input;
    return true;
  }
  if (!strict) {
    switch (input.type()) {
      case json::Type::kBool:
        state.floor_exactness(Exactness::kLax);
        out = json::Value::integer(input.as_bool() ? 1 : 0);
        return true;
      case json::Type::kString: {
        const auto parsed = parse_int(input.as_string(), state.arena());
        if (parsed) {
          state.floor_exactness(Exactness::kLax);
          out = *parsed;
          return true;
        }
        if (parsed.error() == IntError::kSize) {
          return state.fail("int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size",
                            input);
        }
        return state.fail("int_parsing", "Input should be a valid integer, unable to parse string as an integer",
                          input);
      }
      case json::Type::kDouble: {
        const double value = input.as_double();
        if (!std::isfinite(value)) {
          return state.fail("finite_number", "Input should be a finite number", input);
        }
        if (value != std::trunc(value)) {
          return state.fail("int_from_float", "Input should be a valid integer, got a number with a fractional part",
                            input);
        }
        // Both bounds excluded, as pydantic-core compares (float_as_int): 2^63 is the nearest to i64::MAX.
        if (!(value > -0x1p63 && value < 0x1p63)) {
          return state.fail("int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size",
                            input);
        }
        state.floor_exactness(Exactness::kLax);
        out = json::Value::integer(static_cast<std::int64_t>(value));
        return true;
      }
      default:
        break;
    }
  }
  return state.fail("int_type", "Input should be a valid integer", input);
}

bool IntNode::validate(const json::Value& input, State& state, json::Value& out) const {
  return to_int(input, strict_, state, out) && check(input, state, out);
}

bool IntNode::check(const json::Value& input, State& state, const json::Value& value) const {
  const IntConstraints& c = constraints_;
  if (c.multiple_of && !is_multiple(value, *c.multiple_of)) {
    return fail_bound(state, "multiple_of", "multiple_of", "a multiple of ", input,
                      json::Value::integer(*c.multiple_of));
  }
  if (c.le && compare_ints(value, *c.le) > 0) {
    return fail_bound(state, "less_than_equal", "le", "less than or equal to ", input, *c.le);
  }
  if (c.lt && compare_ints(value, *c.lt) >= 0) {
    return fail_bound(state, "less_than", "lt", "less than ", input, *c.lt);
  }
  if (c.ge && compare_ints(value, *c.ge) < 0) {
    return fail_bound(state, "greater_than_equal", "ge", "greater than or equal to ", input, *c.ge);
  }
  if (c.gt && compare_ints(value, *c.gt) <= 0) {
    return fail_bound(state, "greater_than", "gt", "greater than ", input, *c.gt);
  }
  return true;
}

bool FloatNode::validate(const json::Value& input, State& state, json::Value& out) const {
  double value = 0;
  switch (input.type()) {
    case json::Type::kDouble:
      value = input.as_double();
      break;
    case json::Type::kInt:
    case json::Type::kBigInt:
      state.floor_exactness(Exactness::kStrict);
      value = int_to_double(input);
      if (std::isinf(value)) {  // PyFloat_AsDouble raises OverflowError
        return state.fail("float_type", "Input should be a valid number", input);
      }
      break;
    case json::Type::kBool:
      if (strict_) {
        return state.fail("float_type", "Input should be a valid number", input);
      }
      state.floor_exactness(Exactness::kLax);
      value = input.as_bool() ? 1.0 : 0.0;
      break;
    case json::Type::kString:
      if (!strict_) {
        const std::optional<double> parsed = parse_float(input.as_string());
        if (!parsed) {
          return state.fail("float_parsing", "Input should be a valid number, unable to parse string as a number",
                            input);
        }
        state.floor_exactness(Exactness::kLax);
        value = *parsed;
        break;
      }
      [[fallthrough]];
    default:
      return state.fail("float_type", "Input should be a valid number", input);
  }
  if (!check(input, state, value)) {
    return false;
  }
  out = json::Value::number(value);
  return true;
}

bool FloatNode::check(const json::Value& input, State& state, double value) const {
  const FloatConstraints& c = constraints_;
  if (!c.allow_inf_nan && !std::isfinite(value)) {
    return state.fail("finite_number", "Input should be a finite number", input);
  }
  const auto bound = [](double number) { return json::Value::number(number); };
  if (c.multiple_of) {
    // As pydantic-core: not further than 1e-9 from the nearest multiple (an infinity is none, and passes).
    const double nearest = std::round(value / *c.multiple_of) * *c.multiple_of;
    if (std::fabs(nearest - value) > 1e-9) {
      return fail_bound(state, "multiple_of", "multiple_of", "a multiple of ", input, bound(*c.multiple_of));
    }
  }
  // Written so that NaN violates every bound.
  if (c.le && !(value <= *c.le)) {
    return fail_bound(state, "less_than_equal", "le", "less than or equal to ", input, bound(*c.le));
  }
  if (c.lt && !(value < *c.lt)) {
    return fail_bound(state, "less_than", "lt", "less than ", input, bound(*c.lt));
  }
  if (c.ge && !(value >= *c.ge)) {
    return fail_bound(state, "greater_than_equal", "ge", "greater than or equal to ", input, bound(*c.ge));
  }
  if (c.gt && !(value > *c.gt)) {
    return fail_bound(state, "greater_than", "gt", "greater than ", input, bound(*c.gt));
  }
  return true;
}

bool BoolNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (input.is_bool()) {
    out = input;
    return true;
  }
  if (!strict_) {
    std::optional<bool> value;
    bool interpretable = false;  // of a type and size that Pydantic looks at
    if (input.is_string()) {
      interpretable = true;
      value = parse_bool(input.as_string());
    } else if (input.is_int()) {
      interpretable = true;
      value = input.as_int() == 0 ? std::optional(false) : input.as_int() == 1 ? std::optional(true) : std::nullopt;
    } else if (input.is_double()) {
      const double number = input.as_double();
      interpretable = number > -0x1p63 && number < 0x1p63 && number == std::trunc(number);
      value = number == 0 ? std::optional(false) : number == 1 ? std::optional(true) : std::nullopt;
    }
    if (interpretable && value) {
      state.floor_exactness(Exactness::kLax);
      out = json::Value::boolean(*value);
      return true;
    }
    if (interpretable) {
      return state.fail("bool_parsing", "Input should be a valid boolean, unable to interpret input", input);
    }
  }
  return state.fail("bool_type", "Input should be a valid boolean", input);
}

}  // namespace data_bridge::schema
