// Validators of None, Any, datetime and UUID.
#include "schema/scalar_nodes.hpp"

#include <algorithm>
#include <cmath>

#include "json/writer.hpp"
#include "schema/datetime.hpp"
#include "schema/lax.hpp"
#include "text/uuid.hpp"

namespace data_bridge::schema {

namespace {

enum class Defect : std::uint8_t { kNone, kSurrogate, kDepth };

// `levels`: how many nested values, this one included, may still be written.
Defect find_defect(const json::Value& value, std::uint32_t levels) {
  if (levels == 0) {
    return Defect::kDepth;
  }
  if (value.is_string()) {
    return value.has_surrogates() ? Defect::kSurrogate : Defect::kNone;
  }
  Defect defect = Defect::kNone;
  if (value.is_array()) {
    for (const json::Value& item : value.items()) {
      defect = std::max(defect, find_defect(item, levels - 1));
    }
  } else if (value.is_object()) {
    for (const json::Member& member : value.members()) {
      defect = std::max({defect, find_defect(member.value, levels - 1),
                         member.key.has_surrogates() ? Defect::kSurrogate : Defect::kNone});
    }
  }
  return defect;
}

// What pydantic-core before 2.14 read: floor(x) and the absolute value of the fraction, which before 2.12 was one of
// seconds where the number was one of milliseconds.
json::Value mirror(const json::Value& input, bool fractions_of_unit) {
  constexpr double kMilliseconds = 2e10;  // numbers beyond are not of seconds
  const double number = input.as_double();
  const double fraction = std::fabs(number - std::trunc(number));
  const double scale = !fractions_of_unit && std::fabs(number) > kMilliseconds ? 1000 : 1;
  return json::Value::number(std::floor(number) + fraction * scale);
}

}  // namespace

void check_writable(const json::Value& input, State& state) {
  // pydantic-core counts open definitions and inferred values together, up to 255.
  switch (find_defect(input, State::kMaxReferences + 1 - state.references)) {
    case Defect::kNone:
      break;
    case Defect::kSurrogate:
      state.cannot_write("string_unicode",
                         "Input should be a valid string, unable to parse raw data as a unicode string", input);
      break;
    case Defect::kDepth:
      state.cannot_write("recursion_depth_exceeded", "Recursion error - maximum validation depth exceeded", input);
      break;
  }
}

bool NoneNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (!input.is_null()) {
    return state.fail("none_required", "Input should be None", input);
  }
  out = input;
  return true;
}

bool AnyNode::validate(const json::Value& input, State& state, json::Value& out) const {
  state.floor_exactness(Exactness::kStrict);
  out = input;
  check_writable(input, state);
  return true;
}

bool OpaqueNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (plain_ == nullptr) {
    out = input;
    check_writable(input, state);
    return true;
  }
  json::Value value = input;
  if (inner_ != nullptr && !inner_->validate(input, state, value)) {
    return false;
  }
  std::string changed;
  const bool is_text = value.is_string() && !value.has_surrogates();
  switch (is_text ? plain_->read(value.as_string(), changed) : PlainForm::Reading::kUnsure) {
    case PlainForm::Reading::kAsItIs:
      out = value;
      break;
    case PlainForm::Reading::kChanged:
      out = json::Value::string(state.arena().copy(changed));
      break;
    case PlainForm::Reading::kUnsure:
      state.leave_undecided();
      out = value;
      break;
  }
  return true;
}

bool DatetimeNode::validate(const json::Value& input, State& state, json::Value& out) const {
  std::expected<Datetime, DatetimeError> value;
  if (!strict_ && input.is_string()) {
    value = parse_datetime(input.as_string(), exponents_);
  } else if (!strict_ && is_number(input)) {
    value = datetime_from_number(mirrored_ && input.is_double() ? mirror(input, exponents_) : input);
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
  now_.check(*value, state);
  if (offset_ == OffsetRule::kAware && !value->utc_offset) {
    return state.fail("timezone_aware", "Input should have timezone info", input);
  }
  if (offset_ == OffsetRule::kNaive && value->utc_offset) {
    return state.fail("timezone_naive", "Input should not have timezone info", input);
  }
  if (value->year == 0) {
    const std::string error(kYearZero);
    return state.fail("datetime_parsing", "Input should be a valid datetime, " + error, input, {{"error", error}});
  }
  state.floor_exactness(Exactness::kLax);
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
  const auto uuid = text::parse_uuid(input.as_string(), words_);
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
  state.floor_exactness(Exactness::kLax);
  out = json::Value::string(input.as_string() == text ? input.as_string() : state.arena().copy(text));
  return true;
}

}  // namespace data_bridge::schema
