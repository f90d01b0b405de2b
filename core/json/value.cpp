// Copying values, and RFC 7396 merge patches on them.
#include "json/value.hpp"

#include <algorithm>
#include <unordered_map>

namespace data_bridge::json {

Value copy(const Value& value, Arena& arena) {
  switch (value.type()) {
    case Type::kBigInt:
      return Value::big_integer(arena.copy(value.as_string()));
    case Type::kString:
      return Value::string(arena.copy(value.as_string()), value.has_surrogates());
    case Type::kArray: {
      const std::span<const Value> items = value.items();
      Value* copies = arena.allocate_array<Value>(items.size());
      for (std::size_t i = 0; i < items.size(); ++i) {
        copies[i] = copy(items[i], arena);
      }
      return Value::array({copies, items.size()});
    }
    case Type::kObject: {
      const std::span<const Member> members = value.members();
      Member* copies = arena.allocate_array<Member>(members.size());
      for (std::size_t i = 0; i < members.size(); ++i) {
        copies[i] = {copy(members[i].key, arena), copy(members[i].value, arena)};
      }
      return Value::object({copies, members.size()});
    }
    default:
      return value;
  }
}

Value merge_patch(const Value& target, const Value& patch, Arena& arena) {
  if (!patch.is_object()) {
    return patch;
  }
  const std::span<const Member> old = target.is_object() ? target.members() : std::span<const Member>{};
  const std::span<const Member> changes = patch.members();
  // A patch comes from a client: an index, so that a large one costs n log n at worst, not n * m.
  std::unordered_map<std::string_view, std::size_t> places;
  const bool indexed = old.size() > 8 && changes.size() > 8;
  if (indexed) {
    places.reserve(old.size());
    for (std::size_t i = 0; i < old.size(); ++i) {
      places.emplace(old[i].key.as_string(), i);
    }
  }
  const auto place_of = [&](std::string_view key) -> std::size_t {
    if (indexed) {
      const auto found = places.find(key);
      return found == places.end() ? old.size() : found->second;
    }
    const auto found = std::ranges::find_if(old, [&](const Member& member) { return member.key.as_string() == key; });
    return static_cast<std::size_t>(found - old.begin());
  };

  Member* result = arena.allocate_array<Member>(old.size() + changes.size());
  bool* removed = arena.allocate_array<bool>(old.size());
  std::copy(old.begin(), old.end(), result);
  std::fill_n(removed, old.size(), false);
  std::size_t end = old.size();
  for (const Member& change : changes) {
    const std::size_t place = place_of(change.key.as_string());
    if (place < old.size()) {
      removed[place] = change.value.is_null();
      result[place].value = merge_patch(old[place].value, change.value, arena);
    } else if (!change.value.is_null()) {
      // Also inside a new member nulls are left out (RFC 7396, section 2: merged onto nothing).
      result[end++] = {change.key, merge_patch(Value(), change.value, arena)};
    }
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < end; ++i) {
    if (i >= old.size() || !removed[i]) {
      result[kept++] = result[i];
    }
  }
  return Value::object({result, kept});
}

}  // namespace data_bridge::json
