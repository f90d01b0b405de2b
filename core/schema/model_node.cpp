// The validator of one model (pydantic-core, src/validators/model_fields.rs).
#include "schema/model_node.hpp"

#include <algorithm>

#include "schema/scalar_nodes.hpp"

namespace data_bridge::schema {

ModelNode::ModelNode(std::string name, std::vector<Field> fields, Extra extra, bool counts_extra)
    : name_(std::move(name)), fields_(std::move(fields)), extra_(extra), counts_extra_(counts_extra) {
  for (const Field& field : fields_) {
    std::vector<std::uint32_t>& numbers = tried_.emplace_back();
    for (const std::string& key : field.keys) {
      const auto [place, fresh] = key_numbers_.try_emplace(key, static_cast<std::uint32_t>(keys_.size()));
      if (fresh) {
        keys_.emplace_back(key);
      }
      numbers.push_back(place->second);
    }
    fixed_locations_.emplace_back(field.location);
  }
}

std::uint32_t ModelNode::key_number(std::string_view key, std::uint32_t expected) const noexcept {
  // Clients mostly send the members in the order of the model.
  if (expected < keys_.size() && std::get<std::string>(keys_[expected]) == key) {
    return expected;
  }
  const auto found = key_numbers_.find(key);
  return found == key_numbers_.end() ? kNoKey : found->second;
}

const LocationItem& ModelNode::location(const Field& field, std::uint32_t key) const noexcept {
  return field.location.empty() ? keys_[key] : fixed_locations_[static_cast<std::size_t>(&field - fields_.data())];
}

bool ModelNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (!input.is_object()) {
    return state.fail("model_attributes_type", "Input should be a valid dictionary or object to extract fields from",
                      input);
  }
  state.floor_exactness(Exactness::kStrict);
  const std::span<const json::Member> members = input.members();
  const json::Value** found = state.arena().allocate_array<const json::Value*>(keys_.size());
  std::fill_n(found, keys_.size(), nullptr);
  std::uint32_t expected = 0;
  for (const json::Member& member : members) {
    const std::uint32_t key = key_number(member.key.as_string(), expected);
    if (key != kNoKey) {
      found[key] = &member.value;
      expected = key + 1;
    }
  }

  const std::size_t extras = extra_ == Extra::kAllow ? members.size() : 0;
  json::Member* results = state.arena().allocate_array<json::Member>(fields_.size() + extras);
  bool* used = state.arena().allocate_array<bool>(keys_.size());
  std::fill_n(used, keys_.size(), false);
  std::size_t count = 0;
  bool valid = true;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const Field& field = fields_[i];
    const auto key = std::ranges::find_if(tried_[i], [&](std::uint32_t number) { return found[number] != nullptr; });
    json::Member& result = results[count++];
    result.key = json::Value::string(field.output_key);
    const std::size_t first = state.error_count();
    if (key != tried_[i].end()) {
      used[*key] = true;
      if (found[*key]->is_settled()) {
        result.value = *found[*key];
      } else if (!field.node->validate(*found[*key], state, result.value)) {
        state.locate(first, location(field, *key));
        valid = false;
      }
    } else if (!field.required) {
      result.value = field.factory ? make_default(*field.factory, state.arena()) : field.default_value;
    } else {
      state.fail("missing", "Field required", input);
      state.locate(first, location(field, tried_[i].front()));
      valid = false;
    }
  }
  if (extra_ != Extra::kIgnore) {
    for (const json::Member& member : members) {
      const std::uint32_t key = key_number(member.key.as_string(), kNoKey);
      if (key != kNoKey && used[key]) {
        continue;
      }
      if (extra_ == Extra::kAllow) {
        if (member.key.has_surrogates()) {
          valid =
              state.fail("string_unicode",
                         "Input should be a valid string, unable to parse raw data as a unicode string", member.key);
        }
        check_writable(member.value, state);
        results[count++] = member;
        continue;
      }
      const std::size_t first = state.error_count();
      state.fail("extra_forbidden", "Extra inputs are not permitted", member.value);
      state.locate(first, std::string(member.key.as_string()));
      valid = false;
      if (state.is_full()) {
        break;
      }
    }
  }
  if (!valid) {
    return false;
  }
  const auto set = static_cast<std::size_t>(std::count(used, used + keys_.size(), true));
  state.add_fields_set(set + (counts_extra_ ? count - fields_.size() : 0));
  out = json::Value::object({results, count});
  return true;
}

}  // namespace data_bridge::schema
