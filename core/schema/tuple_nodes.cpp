// Validators of tuples and sets (pydantic-core, src/validators/tuple.rs, set.rs and frozenset.rs).
#include "schema/tuple_nodes.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include "schema/lengths.hpp"

namespace data_bridge::schema {

bool FixedTupleNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (strict_ || !input.is_array()) {
    return state.fail("tuple_type", "Input should be a valid tuple", input);
  }
  state.floor_exactness(Exactness::kLax);
  const std::span<const json::Value> given = input.items();
  if (given.size() > items_.size()) {
    return fail_length(state, input, "Tuple", true, items_.size(), given.size());
  }
  json::Value* results = state.arena().allocate_array<json::Value>(items_.size());
  bool valid = true;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const std::size_t first = state.error_count();
    const bool fits = i < given.size() ? items_[i]->validate(given[i], state, results[i])
                                       : state.fail("missing", "Field required", input);
    if (!fits) {
      state.locate(first, static_cast<std::int64_t>(i));
      valid = false;
    }
  }
  out = json::Value::array({results, items_.size()});
  return valid;
}

bool TupleNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (strict_ || !input.is_array()) {
    return state.fail("tuple_type", "Input should be a valid tuple", input);
  }
  state.floor_exactness(Exactness::kLax);
  const std::span<const json::Value> items = input.items();
  json::Value* results = state.arena().allocate_array<json::Value>(items.size());
  const std::size_t start = state.error_count();
  std::size_t count = 0;  // of those that are right: only they are counted
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::size_t first = state.error_count();
    if (item_->validate(items[i], state, results[count])) {
      ++count;
      if (limits_.max_length && count > *limits_.max_length) {
        state.forget(start);
        return fail_length(state, input, "Tuple", true, *limits_.max_length, items.size());
      }
    } else {
      state.locate(first, static_cast<std::int64_t>(i));
      if (limits_.fail_fast || state.is_full()) {
        return false;
      }
    }
  }
  if (limits_.min_length && count < *limits_.min_length) {
    return fail_length(state, input, "Tuple", false, *limits_.min_length, count);
  }
  out = json::Value::array({results, count});
  return count == items.size();
}

bool SetNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (strict_ || !input.is_array()) {
    return is_frozen_ ? state.fail("frozen_set_type", "Input should be a valid frozenset", input)
                      : state.fail("set_type", "Input should be a valid set", input);
  }
  const std::string_view type = is_frozen_ ? "Frozenset" : "Set";
  state.floor_exactness(Exactness::kLax);
  const std::span<const json::Value> items = input.items();
  json::Value* results = state.arena().allocate_array<json::Value>(items.size());
  std::set<std::string_view> seen;  // not hashed: clients choose the texts
  const std::size_t start = state.error_count();
  std::size_t count = 0;
  bool valid = true;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::size_t first = state.error_count();
    if (!item_->validate(items[i], state, results[count])) {
      state.locate(first, static_cast<std::int64_t>(i));
      valid = false;
      if (limits_.fail_fast || state.is_full()) {
        return false;
      }
    } else if (seen.insert(results[count].as_string()).second) {
      ++count;
      if (limits_.max_length && count > *limits_.max_length) {
        state.forget(start);
        return fail_too_many(state, input, type, *limits_.max_length);
      }
    }
  }
  if (!valid) {
    return false;
  }
  if (limits_.min_length && count < *limits_.min_length) {
    return fail_length(state, input, type, false, *limits_.min_length, count);
  }
  out = json::Value::array({results, count});
  return true;
}

}  // namespace data_bridge::schema
