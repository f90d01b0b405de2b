// What is said of what is too short or too long: containers, and text.
#include "schema/lengths.hpp"

#include <string>

#include "json/writer.hpp"

namespace data_bridge::schema {

namespace {

json::Value integer(std::size_t value) { return json::Value::integer(static_cast<std::int64_t>(value)); }

// "List should have at most 3 items"
std::string bound_message(std::string_view subject, bool too_long, std::size_t bound, std::string_view unit) {
  std::string message(subject);
  message.append(" should have at ").append(too_long ? "most " : "least ");
  json::append_int(message, static_cast<std::int64_t>(bound));
  message.append(" ").append(unit);
  return bound == 1 ? message : message.append("s");
}

std::string message_of(std::string_view type, bool too_long, std::size_t bound, std::string_view actual) {
  return bound_message(type, too_long, bound, "item").append(" after validation, not ").append(actual);
}

bool fail_text(State& state, const json::Value& input, const TextWords& words, bool too_long, std::size_t bound) {
  return state.fail(too_long ? words.too_long : words.too_short,
                    bound_message(words.subject, too_long, bound, words.unit), input,
                    {{too_long ? "max_length" : "min_length", integer(bound)}});
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

bool check_text_length(State& state, const json::Value& input, const TextWords& words, std::size_t length,
                       const std::optional<std::size_t>& min_length, const std::optional<std::size_t>& max_length) {
  if (min_length && length < *min_length) return fail_text(state, input, words, false, *min_length);
  if (max_length && length > *max_length) return fail_text(state, input, words, true, *max_length);
  return true;
}

}  // namespace data_bridge::schema
