// A JSON Merge Patch on a model: by what its members mean, not by how they are spelt.
#include <algorithm>

#include "schema/model_node.hpp"

namespace data_bridge::schema {

// By which key each field is changed: the first of its keys that the patch has, as validation would read it. But a key
// that is another field's first one means that field: a stored item has each field under its first key.
std::span<const ModelNode::Change> ModelNode::changes_of(std::span<const json::Member> patch,
                                                         json::Arena& arena) const {
  auto* found = arena.allocate_array<std::uint32_t>(keys_.size());
  std::fill_n(found, keys_.size(), kNoMember);
  for (std::uint32_t at = 0; at < patch.size(); ++at) {
    if (const std::uint32_t key = key_number(patch[at].key.as_string(), kNoKey); key != kNoKey) {
      found[key] = at;
    }
  }
  bool* is_first = arena.allocate_array<bool>(keys_.size());
  std::fill_n(is_first, keys_.size(), false);
  for (const std::vector<std::uint32_t>& tried : tried_) {
    is_first[tried.front()] = true;
  }
  auto* changes = arena.allocate_array<Change>(fields_.size());
  for (std::size_t field = 0; field < fields_.size(); ++field) {
    changes[field] = Change{};
    for (const std::uint32_t key : tried_[field]) {
      if (found[key] != kNoMember && (key == tried_[field].front() || !is_first[key])) {
        changes[field] = {.key = key, .member = found[key]};
        break;
      }
    }
  }
  return {changes, fields_.size()};
}

json::Value ModelNode::merge(const json::Value& stored, const json::Value& patch, json::Arena& arena) const {
  if (!patch.is_object()) {
    return patch;
  }
  const auto old = stored.is_object() ? stored.members() : std::span<const json::Member>();
  const auto given = patch.members();
  const std::span<const Change> changes = changes_of(given, arena);
  auto* result = arena.allocate_array<json::Member>(fields_.size() + old.size() + given.size());
  std::size_t count = 0;
  const json::MemberIndex places(old, fields_.size());
  bool* is_used = arena.allocate_array<bool>(old.size() + given.size());  // of `old`, then of `given`
  std::fill_n(is_used, old.size() + given.size(), false);
  bool* is_taken = arena.allocate_array<bool>(keys_.size());
  std::fill_n(is_taken, keys_.size(), false);
  for (std::size_t at = 0; at < fields_.size(); ++at) {
    const Field& field = fields_[at];
    // Nearly always where the model has it.
    const bool in_order = at < old.size() && old[at].key.as_string() == field.output_key;
    const std::size_t place = in_order ? at : places.find(field.output_key);
    json::Value before;
    if (place < old.size()) {
      is_used[place] = true;
      before = old[place].value;
    }
    const auto [key, member] = changes[at];
    if (member == kNoMember) {
      if (place < old.size()) {
        is_taken[tried_[at].front()] = true;
        result[count++] = {json::Value::string(field.keys.front()), before.as_settled()};
      }
      continue;
    }
    is_used[old.size() + member] = true;
    is_taken[key] = true;
    const json::Value& change = given[member].value;
    if (!change.is_null() || field.node->nullable()) {
      const json::Value value = change.is_null() ? change : field.node->merge(before, change, arena);
      result[count++] = {given[member].key, value};
    }
  }
  // What is no field: of the item kept where the model allows it, of the patch left for validation to judge.
  auto* kept = arena.allocate_array<json::Member>(old.size());
  std::size_t kept_count = 0;
  for (std::size_t at = 0; at < old.size() && extra_ == Extra::kAllow; ++at) {
    const std::uint32_t key = key_number(old[at].key.as_string(), kNoKey);
    if (!is_used[at] && (key == kNoKey || !is_taken[key])) {
      kept[kept_count++] = old[at];
    }
  }
  auto* others = arena.allocate_array<json::Member>(given.size());
  std::size_t other_count = 0;
  for (std::size_t at = 0; at < given.size(); ++at) {
    if (!is_used[old.size() + at]) {
      others[other_count++] = given[at];
    }
  }
  const json::Value rest =
      json::merge_patch(json::Value::object({kept, kept_count}), json::Value::object({others, other_count}), arena);
  std::ranges::copy(rest.members(), result + count);
  return json::Value::object({result, count + rest.members().size()});
}

}  // namespace data_bridge::schema
