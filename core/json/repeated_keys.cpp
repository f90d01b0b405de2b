// Objects as a Python dict would hold them. Nobody can choose keys that make this quadratic.
#include "json/repeated_keys.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

namespace data_bridge::json {

namespace {

// Up to here comparing every pair beats sorting.
constexpr std::size_t kFewKeys = 16;

std::size_t drop_among_few(Member* members, std::size_t count) noexcept {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view name = members[i].key.as_string();
    std::size_t place = 0;
    while (place < kept && members[place].key.as_string() != name) {
      ++place;
    }
    if (place < kept) {
      members[place].value = members[i].value;
    } else {
      members[kept++] = members[i];
    }
  }
  return kept;
}

// By sorting, not by hashing: keys that collide cost nothing.
std::size_t drop_among_many(Member* members, std::size_t count) {
  std::vector<std::uint32_t> order(count);
  for (std::size_t i = 0; i < count; ++i) {
    order[i] = static_cast<std::uint32_t>(i);
  }
  std::ranges::sort(order, [&](std::uint32_t left, std::uint32_t right) {
    const int by_key = members[left].key.as_string().compare(members[right].key.as_string());
    return by_key != 0 ? by_key < 0 : left < right;
  });
  std::vector<bool> dropped(count, false);
  bool any = false;
  for (std::size_t i = 1, first = 0; i < count; ++i) {
    if (members[order[i]].key.as_string() == members[order[first]].key.as_string()) {
      members[order[first]].value = members[order[i]].value;
      dropped[order[i]] = true;
      any = true;
    } else {
      first = i;
    }
  }
  if (!any) {
    return count;
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!dropped[i]) {
      members[kept++] = members[i];
    }
  }
  return kept;
}

}  // namespace

std::size_t drop_repeated_keys(Member* members, std::size_t count) {
  return count <= kFewKeys ? drop_among_few(members, count) : drop_among_many(members, count);
}

}  // namespace data_bridge::json
