// What is said of containers with too few or too many items.
#include "schema/lengths.hpp"

#include <string>

#include "json/writer.hpp"

namespace data_bridge::schema {

namespace {

json::Value integer(std::size_t value) { return json::Value::integer(static_cast<std::int64_t>(value)); }

std::string message_of(std::string_view type, bool too_long, std::size_t bound, std::string_view actual) {
  std::string message(type);
  message.append(" should have at ").append(too_long ? "most " : "least ");
  json::append_int(message, static_cast<std::int64_t>(bound));
  return message.append(bound == 1 ? " item" : " items").append(" after validation, not ").append(actual);
}

}  // namespace

bool fail_length(State& state, const json::Value& input, std::string_view type, bool too_long, std::size_t bound,
                 std::size_t actual) {
  std::string number;
  json::append_int(number, static_cast<std::int64_t>(actual));
  return state.fail(too_long ? "too_long" : "too_short", message_of(type, too_long, bound, number), input,
                    {{"field_type", std::string(type)},
                     {too_long ? "max_length" : "min_length", integer(bound)},
                     {"actual_length", integer(actual)}});
}

bool fail_too_many(State& state, const json::Value& input, std::string_view type, std::size_t bound) {
  return state.fail(
      "too_long", message_of(type, true, bound, "more"), input,
      {{"field_type", std::string(type)}, {"max_length", integer(bound)}, {"actual_length", json::Value()}});
}

}  // namespace data_bridge::schema
