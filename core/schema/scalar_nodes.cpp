// Validators of None, Any, datetime and UUID.
#include "schema/scalar_nodes.hpp"

#include <cmath>

#include "json/writer.hpp"
#include "schema/datetime.hpp"
#include "schema/lax.hpp"
#include "schema/uuid.hpp"

namespace data_bridge::schema {

namespace {

// An integer beyond the range of a double is no number to Pydantic's datetime.
bool is_number(const json::Value& value) {
  return value.is_int() || value.is_double() || (value.is_big_int() && std::isfinite(int_to_double(value)));
}

}  // namespace

bool NoneNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (!input.is_null()) {
    return state.fail("none_required", "Input should be None", input);
  }
  out = input;
  return true;
}

bool AnyNode::validate(const json::Value& input, State&, json::Value& out) const {
  out = input;
  return true;
}

bool DatetimeNode::validate(const json::Value& input, State& state, json::Value& out) const {
  std::expected<Datetime, DatetimeError> value;
  if (!strict_ && input.is_string()) {
    value = parse_datetime(input.as_string());
  } else if (!strict_ && is_number(input)) {
    value = datetime_from_number(input);
  } else {
    return state.fail("datetime_type", "Input should be a valid datetime", input);
  }
  if (!value) {
    const std::string error(value.error().message);
    return value.error().from_date
               ? state.fail("datetime_from_date_parsing", "Input should be a valid datetime or date, " + error, input,
                            {{"error", error}})
               : state.fail("datetime_parsing", "Input should be a valid datetime, " + error, input,
                            {{"error", error}});
  }
  std::string text;
  append_datetime(text, *value);
  out = json::Value::string(input.is_string() && input.as_string() == text ? input.as_string()
                                                                           : state.arena().copy(text));
  return true;
}

bool UuidNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (strict_) {
    return state.fail("is_instance_of", "Input should be an instance of UUID", input, {{"class", "UUID"}});
  }
  if (!input.is_string()) {
    return state.fail("uuid_type", "UUID input should be a string, bytes or UUID object", input);
  }
  const auto uuid = parse_uuid(input.as_string());
  if (!uuid) {
    return state.fail("uuid_parsing", "Input should be a valid UUID, " + uuid.error(), input,
                      {{"error", uuid.error()}});
  }
  const std::string_view text(uuid->data(), uuid->size());
  if (version_ && text[14] != static_cast<char>('0' + *version_)) {
    std::string message("UUID version ");
    json::append_int(message, *version_);
    return state.fail("uuid_version", message + " expected", input,
                      {{"expected_version", json::Value::integer(*version_)}});
  }
  out = json::Value::string(input.as_string() == text ? input.as_string() : state.arena().copy(text));
  return true;
}

}  // namespace data_bridge::schema
