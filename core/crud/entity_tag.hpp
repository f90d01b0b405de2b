// Entity tags: what names one state of an item, and the preconditions that are made of them (RFC 9110, 8.8.3 and 13).
#pragma once

#include <string>
#include <string_view>

#include "storage/row.hpp"
#include "storage/table.hpp"
#include "text/siphash.hpp"

namespace data_bridge::crud {

/// Strong tags of the items of one table: of all that is stored of them, also of what is not answered, so that no
/// change is overseen. The names and kinds of the columns count as well: another model answers otherwise.
class EntityTags {
 public:
  explicit EntityTags(const storage::Table& table);

  /// `"..."`, with its quotes.
  [[nodiscard]] std::string of(storage::RowView row) const;

 private:
  std::vector<storage::ColumnKind> kinds_;
  text::SipHash128::Key key_;
};

/// The fields of a request; "" where it has none. Several lines of a field are one, with commas.
struct Preconditions {
  std::string_view if_match{};
  std::string_view if_none_match{};
};

/// True where `field` (`*` or a list of tags) names `tag`, of an item that exists. Strong comparison, for If-Match.
[[nodiscard]] bool matches(std::string_view field, std::string_view tag) noexcept;
/// Weak comparison, for If-None-Match: `W/"x"` is `"x"`.
[[nodiscard]] bool matches_weakly(std::string_view field, std::string_view tag) noexcept;

}  // namespace data_bridge::crud
