// The validator of a dict (pydantic-core, src/validators/dict.rs).
#include "schema/dict_node.hpp"

#include <map>
#include <string>
#include <string_view>

#include "json/merge_patch.hpp"
#include "json/writer.hpp"
#include "schema/lengths.hpp"

namespace data_bridge::schema {

namespace {

// U+D800..DFFF in generalised UTF-8: three bytes, each of which is no UTF-8 for itself.
std::string with_replacements(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\xED' && at + 2 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xA0) {
      out.append("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
      at += 3;
    } else {
      out.push_back(text[at++]);
    }
  }
  return out;
}

// As the key stands in a location, and is written where it is any text.
std::string written_key(const json::Value& key) {
  return key.has_surrogates() ? with_replacements(key.as_string()) : std::string(key.as_string());
}

// A key in JSON mode as the name of a member.
json::Value key_text(const json::Value& key, json::Arena& arena) {
  if (key.is_int()) {
    std::string digits;
    json::append_int(digits, key.as_int());
    return json::Value::string(arena.copy(digits));
  }
  return json::Value::string(key.as_string());
}

}  // namespace

bool DictNode::validate_key(const json::Value& input, State& state, json::Value& out) const {
  json::Value key;
  if (!key_->validate(input, state, key)) {
    return false;
  }
  out = key_text(key, state.arena());
  return true;
}

bool DictNode::validate_member(const json::Member& member, State& state, json::Member& out) const {
  if (member.value.is_settled()) {
    out = member;
    return true;
  }
  bool valid = true;
  std::size_t first = state.error_count();
  if (keys_ == DictKeys::kText) {
    out.key =
        member.key.has_surrogates() ? json::Value::string(state.arena().copy(written_key(member.key))) : member.key;
  } else if (!validate_key(member.key, state, out.key)) {
    state.locate(first, std::string("[key]"));
    state.locate(first, written_key(member.key));
    valid = false;
  }
  first = state.error_count();
  if (!value_->validate(member.value, state, out.value)) {
    state.locate(first, written_key(member.key));
    valid = false;
  }
  return valid;
}

bool DictNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (!input.is_object()) {
    return state.fail("dict_type", "Input should be a valid dictionary", input);
  }
  const std::span<const json::Member> members = input.members();
  auto* results = state.arena().allocate_array<json::Member>(members.size());
  std::map<std::string_view, std::size_t>
      places;  // of keys that may become equal: the first one's, the last one's value
  std::size_t count = 0;
  const std::size_t first = state.error_count();
  bool valid = true;
  for (const json::Member& member : members) {
    json::Member result;
    if (!validate_member(member, state, result)) {
      valid = false;
      if (limits_.fail_fast || state.is_full()) {
        break;
      }
      continue;
    }
    if (keys_ == DictKeys::kTyped) {
      const auto [place, is_new] = places.try_emplace(result.key.as_string(), count);
      if (!is_new) {
        results[place->second].value = result.value;
        continue;
      }
    }
    results[count++] = result;
    if (limits_.ends_early && limits_.max_length && count > *limits_.max_length) {
      state.forget(first);
      return fail_too_many(state, input, "Dictionary", *limits_.max_length);
    }
  }
  if (!valid) {
    return false;
  }
  if (limits_.min_length && count < *limits_.min_length) {
    return fail_length(state, input, "Dictionary", false, *limits_.min_length, count);
  }
  if (limits_.max_length && count > *limits_.max_length) {
    return fail_length(state, input, "Dictionary", true, *limits_.max_length, count);
  }
  out = json::Value::object({results, count});
  return true;
}

json::Value DictNode::merge(const json::Value& stored, const json::Value& patch, json::Arena& arena) const {
  if (!patch.is_object()) {
    return patch;
  }
  const auto old = stored.is_object() ? stored.members() : std::span<const json::Member>();
  const auto given = patch.members();
  auto* result = arena.allocate_array<json::Member>(old.size() + given.size());
  bool* is_used = arena.allocate_array<bool>(given.size());
  std::fill_n(is_used, given.size(), false);
  const json::MemberIndex places(given, old.size());
  std::size_t count = 0;
  for (const json::Member& member : old) {
    const std::size_t place = places.find(member.key.as_string());
    if (place == places.size()) {
      result[count++] = {member.key, member.value.as_settled()};
      continue;
    }
    is_used[place] = true;
    if (!given[place].value.is_null()) {
      result[count++] = {member.key, value_->merge(member.value, given[place].value, arena)};
    }
  }
  for (std::size_t at = 0; at < given.size(); ++at) {
    if (!is_used[at] && !given[at].value.is_null()) {
      result[count++] = {given[at].key, value_->merge({}, given[at].value, arena)};
    }
  }
  return json::Value::object({result, count});
}

}  // namespace data_bridge::schema
