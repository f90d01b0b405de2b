// The opaque token of a page: where the next one begins, and of which query.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/row.hpp"

namespace data_bridge::crud {

/// Makes and reads the cursors of one query. A cursor holds what the last item of its page is sorted by and a checksum
/// over that and the query, so that one that was cut, changed or made for another query is not taken for a place in
/// this one. It is no secret and no signature: it can name only a place in an order, which every reader of the list may
/// ask for anyway.
class CursorCodec {
 public:
  /// `query` names everything that fixes the order and the selection of items; cursors have `values` cells.
  CursorCodec(std::string_view query, std::size_t values);

  /// Letters, digits, '-' and '_' only.
  [[nodiscard]] std::string encode(const std::vector<storage::Cell>& last) const;
  /// nullopt for anything that encode() of this query does not make.
  [[nodiscard]] std::optional<std::vector<storage::Cell>> decode(std::string_view cursor) const;

 private:
  [[nodiscard]] std::uint32_t checksum(std::string_view payload) const noexcept;

  std::uint32_t seed_;
  std::size_t values_;
};

/// Appends `cell` in a form that says where it ends.
void append_binary(std::string& out, const storage::Cell& cell);
/// The `count` cells that append_binary() has made `bytes` of; nullopt where they are anything else.
[[nodiscard]] std::optional<std::vector<storage::Cell>> read_binary(std::string_view bytes, std::size_t count);

}  // namespace data_bridge::crud
