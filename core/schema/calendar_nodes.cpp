// Validators of date, time and timedelta (pydantic-core, src/validators/date.rs, time.rs and timedelta.rs).
#include "schema/calendar_nodes.hpp"

#include <limits>

#include "schema/datetime.hpp"
#include "schema/lax.hpp"

namespace data_bridge::schema {

namespace {

// `text` as a value, which is mostly what was sent.
json::Value written(const std::string& text, const json::Value& input, State& state) {
  return json::Value::string(input.is_string() && input.as_string() == text ? input.as_string()
                                                                            : state.arena().copy(text));
}

bool fail_date(State& state, const json::Value& input, const DateError& error) {
  if (error.is_inexact) {
    return state.fail("date_from_datetime_inexact",
                      "Datetimes provided to dates should have zero time - e.g. be exact dates", input);
  }
  const std::string message(error.message);
  return state.fail("date_from_datetime_parsing", "Input should be a valid date or datetime, " + message, input,
                    {{"error", message}});
}

}  // namespace

bool DateNode::validate(const json::Value& input, State& state, json::Value& out) const {
  std::expected<Datetime, DateError> value;
  if (!strict_ && input.is_string()) {
    value = parse_date(input.as_string(), exponents_);
  } else if (!strict_ && is_number(input)) {
    value = date_from_number(input);
  } else {
    return state.fail("date_type", "Input should be a valid date", input);
  }
  if (!value) {
    return fail_date(state, input, value.error());
  }
  std::string text;
  append_date(text, *value);
  if (!bounds_.check(text, input, state)) {
    return false;
  }
  if (value->year == 0) {
    const std::string message(kYearZero);
    return state.fail("date_parsing", "Input should be a valid date in the format YYYY-MM-DD, " + message, input,
                      {{"error", message}});
  }
  now_.check(*value, state);
  state.floor_exactness(Exactness::kLax);
  out = written(text, input, state);
  return true;
}

bool TimeNode::validate(const json::Value& input, State& state, json::Value& out) const {
  std::expected<Datetime, std::string_view> value;
  if (!strict_ && input.is_string()) {
    value = parse_time(input.as_string());
  } else if (!strict_ && is_number(input)) {
    value = time_from_number(input);
  } else {
    return state.fail("time_type", "Input should be a valid time", input);
  }
  if (!value) {
    const std::string error(value.error());
    return state.fail("time_parsing", "Input should be in a valid time format, " + error, input, {{"error", error}});
  }
  std::string text;
  append_time(text, *value);
  state.floor_exactness(Exactness::kLax);
  out = written(text, input, state);
  return true;
}

bool DurationNode::validate(const json::Value& input, State& state, json::Value& out) const {
  std::expected<Duration, std::string_view> value;
  if (!strict_ && input.is_string()) {
    value = parse_duration(input.as_string());
  } else if (!strict_ && input.is_bool()) {
    value = duration_from_number(json::Value::integer(input.as_bool() ? 1 : 0));
  } else if (!strict_ && is_number(input)) {
    value = duration_from_number(input);
  } else {
    return state.fail("time_delta_type", "Input should be a valid timedelta", input);
  }
  if (!value) {
    const std::string error(value.error());
    return state.fail("time_delta_parsing", "Input should be a valid timedelta, " + error, input, {{"error", error}});
  }
  if (*value < kMinDuration) {
    // There the request ends with an exception: with 500, as for any error that cannot be written.
    return state.fail("time_delta_parsing", "days=-1000000000; must have magnitude <= 999999999",
                      json::Value::number(std::numeric_limits<double>::quiet_NaN()));
  }
  // Of a bound Pydantic reports the timedelta, which FastAPI writes as its seconds.
  if (!bounds_.check(*value, json::Value::number(total_seconds(*value)), state)) {
    return false;
  }
  std::string text;
  append_duration(text, *value);
  state.floor_exactness(Exactness::kLax);
  out = written(text, input, state);
  return true;
}

}  // namespace data_bridge::schema
