// Validators of unions (pydantic-core, src/validators/union.rs).
#include "schema/union_nodes.hpp"

#include <algorithm>
#include <optional>

namespace data_bridge::schema {

namespace {

struct Candidate {
  json::Value value;
  Match match;
  Errors unwritable;
};

bool fits_better(const Match& match, const Match& best) noexcept {
  if (match.fields_set && best.fields_set && *match.fields_set != *best.fields_set) {
    return *match.fields_set > *best.fields_set;
  }
  return match.exactness > best.exactness;
}

bool fail_depth(State& state, const json::Value& input) {
  return state.fail("recursion_depth_exceeded", "Recursion error - maximum validation depth exceeded", input);
}

}  // namespace

bool SmartUnionNode::validate(const json::Value& input, State& state, json::Value& out) const {
  const Match outer = state.match;
  Errors outer_unwritable = state.take_unwritable();
  const std::size_t start = state.error_count();
  std::optional<Candidate> best;
  for (const UnionMember& member : members_) {
    if (!state.try_member()) {
      state.forget(start);
      return fail_depth(state, input);
    }
    state.match = {};
    const std::size_t first = state.error_count();
    json::Value value;
    const bool valid = member.node->validate(input, state, value);
    Errors unwritable = state.take_unwritable();
    if (!valid) {
      best ? state.forget(first) : state.locate(first, member.label);
      continue;
    }
    const bool is_final = state.match.exactness == Exactness::kExact && !state.match.fields_set;
    if (is_final || !best || fits_better(state.match, best->match)) {
      best = {value, state.match, std::move(unwritable)};
    }
    if (is_final) {
      break;
    }
  }
  state.match = outer;
  state.put_back_unwritable(std::move(outer_unwritable));
  if (!best) {
    return false;
  }
  state.forget(start);
  state.put_back_unwritable(std::move(best->unwritable));
  state.floor_exactness(best->match.exactness);
  if (best->match.fields_set) {
    state.add_fields_set(*best->match.fields_set);
  }
  out = best->value;
  return true;
}

bool OrderedUnionNode::validate(const json::Value& input, State& state, json::Value& out) const {
  const std::size_t start = state.error_count();
  for (const UnionMember& member : members_) {
    if (!state.try_member()) {
      state.forget(start);
      return fail_depth(state, input);
    }
    const std::size_t first = state.error_count();
    Errors unwritable = state.take_unwritable();
    if (member.node->validate(input, state, out)) {
      state.forget(start);
      Errors own = state.take_unwritable();
      state.put_back_unwritable(std::move(unwritable));
      state.put_back_unwritable(std::move(own));
      return true;
    }
    (void)state.take_unwritable();
    state.put_back_unwritable(std::move(unwritable));
    state.locate(first, member.label);
  }
  return false;
}

bool TaggedUnionNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (!input.is_object()) {
    return state.fail("model_attributes_type", "Input should be a valid dictionary or object to extract fields from",
                      input);
  }
  const json::Value* tag = nullptr;
  for (const std::string& key : discriminator_.keys) {
    if ((tag = input.find(key)) != nullptr) {
      break;
    }
  }
  if (tag == nullptr) {
    return state.fail("union_tag_not_found", discriminator_.not_found, input, {{"discriminator", discriminator_.text}});
  }
  const auto member = std::ranges::find_if(
      members_, [&](const UnionMember& each) { return tag->is_string() && tag->as_string() == each.label; });
  if (member == members_.end()) {
    std::string text;
    texts_.append_str(text, *tag);
    return state.fail(
        "union_tag_invalid",
        "Input tag '" + text + "' found using " + discriminator_.text +
            " does not match any of the expected tags: " + discriminator_.expected_tags,
        input,
        {{"discriminator", discriminator_.text}, {"tag", text}, {"expected_tags", discriminator_.expected_tags}});
  }
  const std::size_t first = state.error_count();
  if (!member->node->validate(input, state, out)) {
    state.locate(first, member->label);
    return false;
  }
  return true;
}

}  // namespace data_bridge::schema
