// The validator of str. The order is pydantic-core's: strip, min, max, pattern, then the case.
#include "schema/string_node.hpp"

#include "schema/lax.hpp"
#include "schema/lengths.hpp"
#include "schema/scalar_nodes.hpp"
#include "text/unicode_case.hpp"
#include "text/utf8.hpp"

namespace data_bridge::schema {

namespace {

constexpr TextWords kWords{
    .too_short = "string_too_short", .too_long = "string_too_long", .subject = "String", .unit = "character"};

}  // namespace

StringNode::StringNode(StringConstraints constraints) noexcept
    : constraints_(std::move(constraints)),
      plain_(!constraints_.strip_whitespace && constraints_.case_change == CaseChange::kNone &&
             !constraints_.min_length && !constraints_.max_length && !constraints_.pattern) {}

bool StringNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (!input.is_string()) {
    return state.fail("string_type", "Input should be a valid string", input);
  }
  if (plain_) {
    out = input;
    if (input.has_surrogates()) {
      check_writable(input, state);
    }
    return true;
  }
  if (input.has_surrogates()) {
    return state.fail("string_unicode", "Input should be a valid string, unable to parse raw data as a unicode string",
                      input);
  }
  const StringConstraints& c = constraints_;
  std::string_view text = input.as_string();
  if (c.strip_whitespace) {
    text = trim(text);
  }
  if (c.min_length || c.max_length) {
    if (!check_text_length(state, input, kWords, text::count_code_points(text), c.min_length, c.max_length)) {
      return false;
    }
  }
  if (c.pattern && !c.pattern->search(text)) {
    return state.fail("string_pattern_mismatch", "String should match pattern '" + c.pattern_text + "'", input,
                      {{"pattern", c.pattern_text}});
  }
  switch (c.case_change) {
    case CaseChange::kNone:
      out = json::Value::string(text);
      break;
    case CaseChange::kLower:
      out = json::Value::string(state.arena().copy(text::to_lower(text)));
      break;
    case CaseChange::kUpper:
      out = json::Value::string(state.arena().copy(text::to_upper(text)));
      break;
  }
  return true;
}

}  // namespace data_bridge::schema
