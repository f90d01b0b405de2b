// JSON Merge Patch (RFC 7396).
#include "json/merge_patch.hpp"

#include <algorithm>
#include <numeric>

namespace data_bridge::json {

namespace {

// Up to here looking at every member beats sorting them.
constexpr std::size_t kFewMembers = 16;

}  // namespace

MemberIndex::MemberIndex(std::span<const Member> members, std::size_t look_ups) : members_(members) {
  if (members.size() <= kFewMembers || look_ups <= kFewMembers) {
    return;
  }
  order_.resize(members.size());
  std::iota(order_.begin(), order_.end(), 0U);
  std::ranges::sort(order_, {}, [&](std::uint32_t at) { return members_[at].key.as_string(); });
}

std::size_t MemberIndex::find(std::string_view key) const noexcept {
  if (order_.empty()) {
    const auto found =
        std::ranges::find_if(members_, [&](const Member& member) { return member.key.as_string() == key; });
    return static_cast<std::size_t>(found - members_.begin());
  }
  const auto found =
      std::ranges::lower_bound(order_, key, {}, [&](std::uint32_t at) { return members_[at].key.as_string(); });
  return found != order_.end() && members_[*found].key.as_string() == key ? *found : members_.size();
}

Value merge_patch(const Value& target, const Value& patch, Arena& arena) {
  if (!patch.is_object()) {
    return patch;
  }
  const std::span<const Member> old = target.is_object() ? target.members() : std::span<const Member>{};
  const std::span<const Member> changes = patch.members();
  const MemberIndex places(old, changes.size());
  Member* result = arena.allocate_array<Member>(old.size() + changes.size());
  bool* removed = arena.allocate_array<bool>(old.size());
  std::copy(old.begin(), old.end(), result);
  std::fill_n(removed, old.size(), false);
  std::size_t end = old.size();
  for (const Member& change : changes) {
    const std::size_t place = places.find(change.key.as_string());
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
