// Entity tags: what names one state of an item, and the preconditions that are made of them (RFC 9110, 8.8.3 and 13).
#include "crud/entity_tag.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "text/base64.hpp"
#include "text/characters.hpp"

namespace data_bridge::crud {
namespace {

bool names(std::string_view field, std::string_view tag, bool weakly) noexcept {
  const auto skip = [&field](std::string_view letters) {
    field.remove_prefix(std::min(field.find_first_not_of(letters), field.size()));
  };
  constexpr std::string_view kBetween = " \t,";
  skip(kBetween);
  if (field == "*") return true;
  while (!field.empty()) {
    const bool is_weak = field.starts_with("W/");
    if (is_weak) field.remove_prefix(2);
    const std::size_t end = field.starts_with('"') ? field.find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos) return false;
    if ((weakly || !is_weak) && field.substr(0, end + 1) == tag) return true;
    field.remove_prefix(end + 1);
    skip(kBetween);
  }
  return false;
}

}  // namespace

EntityTags::EntityTags(const storage::Table& table) {
  text::SipHash128 hash({0, 0});
  for (const storage::Column& column : table.columns) {
    hash.add(std::uint64_t{column.name.size()});
    hash.add(column.name);
    hash.add(static_cast<std::uint64_t>(column.kind));
    kinds_.push_back(column.kind);
  }
  const auto digest = hash.digest();
  std::memcpy(key_.data(), digest.data(), digest.size());
}

std::string EntityTags::of(storage::RowView row) const {
  using Type = storage::CellView::Type;
  text::SipHash128 hash(key_);
  for (std::size_t at = 0; at < kinds_.size(); ++at) {
    const storage::CellView& cell = row[at];
    if (cell.is_null()) {
      hash.add(std::uint64_t{0});
    } else if (kinds_[at] == storage::ColumnKind::kReal && cell.type != Type::kText) {
      hash.add(std::uint64_t{1});
      hash.add(std::bit_cast<std::uint64_t>(cell.number()));  // a store may keep 3.0 as 3
    } else if (cell.type == Type::kInteger) {
      hash.add(std::uint64_t{2});
      hash.add(static_cast<std::uint64_t>(cell.integer));
    } else {
      hash.add(std::uint64_t{3} + cell.text.size());
      hash.add(cell.text);
    }
  }
  const auto digest = hash.digest();
  std::string tag;
  tag.reserve(24);
  tag += '"';
  text::append_base64url(tag, {digest.data(), digest.size()});
  tag += '"';
  return tag;
}

bool matches(std::string_view field, std::string_view tag) noexcept { return names(field, tag, false); }

bool matches_weakly(std::string_view field, std::string_view tag) noexcept { return names(field, tag, true); }

}  // namespace data_bridge::crud
