// JSON Merge Patch (RFC 7396).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "json/arena.hpp"
#include "json/value.hpp"

namespace data_bridge::json {

/// Finds members by their keys: n log n at worst for n look-ups, whatever the keys. A client that chooses them could
/// make a hash table quadratic. Points into the members.
class MemberIndex {
 public:
  explicit MemberIndex(std::span<const Member> members, std::size_t look_ups);

  /// The place of the member, or size().
  [[nodiscard]] std::size_t find(std::string_view key) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }

 private:
  std::span<const Member> members_;
  std::vector<std::uint32_t> order_;  // by key; empty where looking at each is as fast
};

/// The result shares parts with both, and has new objects in `arena`. A member keeps its place in `target`; new ones
/// follow in the order of `patch`.
[[nodiscard]] Value merge_patch(const Value& target, const Value& patch, Arena& arena);

}  // namespace data_bridge::json
