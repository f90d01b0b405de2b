// Validators around other validators: Optional, list, references to definitions.
#include "schema/container_nodes.hpp"

#include "json/writer.hpp"

namespace data_bridge::schema {

namespace {

json::Value integer(std::size_t value) { return json::Value::integer(static_cast<std::int64_t>(value)); }

bool fail_length(State& state, const json::Value& input, bool too_long, std::size_t bound) {
  std::string message("List should have at ");
  message.append(too_long ? "most " : "least ");
  json::append_int(message, static_cast<std::int64_t>(bound));
  message.append(bound == 1 ? " item after validation, not " : " items after validation, not ");
  json::append_int(message, static_cast<std::int64_t>(input.items().size()));
  return state.fail(too_long ? "too_long" : "too_short", std::move(message), input,
                    {{"field_type", "List"},
                     {too_long ? "max_length" : "min_length", integer(bound)},
                     {"actual_length", integer(input.items().size())}});
}

}  // namespace

bool NullableNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (input.is_null()) {
    out = input;
    return true;
  }
  return inner_->validate(input, state, out);
}

bool ListNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (!input.is_array()) {
    return state.fail("list_type", "Input should be a valid list", input);
  }
  const std::span<const json::Value> items = input.items();
  if (max_length_ && items.size() > *max_length_) {
    return fail_length(state, input, true, *max_length_);
  }
  json::Value* results = state.arena().allocate_array<json::Value>(items.size());
  bool valid = true;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::size_t first = state.error_count();
    if (!item_->validate(items[i], state, results[i])) {
      state.locate(first, static_cast<std::int64_t>(i));
      valid = false;
      if (fail_fast_ || state.is_full()) {
        break;
      }
    }
  }
  if (!valid) {
    return false;
  }
  if (min_length_ && items.size() < *min_length_) {
    return fail_length(state, input, false, *min_length_);
  }
  out = json::Value::array({results, items.size()});
  return true;
}

bool ReferenceNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (state.references == State::kMaxReferences) {
    return state.fail("recursion_depth_exceeded", "Recursion error - maximum validation depth exceeded", input);
  }
  ++state.references;
  const bool valid = target_->validate(input, state, out);
  --state.references;
  return valid;
}

}  // namespace data_bridge::schema
