// Validators around other validators: Optional, list, references to definitions.
#include "schema/container_nodes.hpp"

#include "schema/lengths.hpp"
#include "schema/scalar_nodes.hpp"

namespace data_bridge::schema {

bool NullableNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (input.is_null()) {
    out = input;
    return true;
  }
  return inner_->validate(input, state, out);
}

ListNode::ListNode(NodePtr item, std::optional<std::size_t> min_length, std::optional<std::size_t> max_length,
                   bool fail_fast) noexcept
    : item_(std::move(item)),
      min_length_(min_length),
      max_length_(max_length),
      fail_fast_(fail_fast),
      takes_anything_(dynamic_cast<const AnyNode*>(item_.get()) != nullptr) {}

bool ListNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (!input.is_array()) {
    return state.fail("list_type", "Input should be a valid list", input);
  }
  const std::span<const json::Value> items = input.items();
  if (max_length_ && items.size() > *max_length_ && !fail_fast_) {
    return fail_length(state, input, "List", true, *max_length_, items.size());
  }
  const Exactness exactness = state.match.exactness;
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
    } else if (max_length_ && i == *max_length_) {  // which fail_fast comes to: what was wrong before has priority
      return fail_length(state, input, "List", true, *max_length_, items.size());
    }
  }
  if (!valid) {
    return false;
  }
  if (min_length_ && items.size() < *min_length_) {
    return fail_length(state, input, "List", false, *min_length_, items.size());
  }
  if (takes_anything_) {
    state.match.exactness = exactness;  // Pydantic does not look at the items
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
