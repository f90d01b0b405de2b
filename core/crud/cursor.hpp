// The opaque token of a page: where the next one begins, and of which query.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/row.hpp"
#include "storage/table.hpp"

namespace data_bridge::crud {

/// Makes and reads the cursors of one query. A cursor holds the last key of its page and a checksum over that and the
/// query, so that one that was cut, changed or made for another query is not taken for a place in this one. It is no
/// secret and no signature: it can name only keys, which every reader of the list may ask for anyway.
class CursorCodec {
 public:
  /// `query` names everything that fixes the order and the selection of items.
  CursorCodec(std::string_view query, storage::KeyKind kind);

  /// Letters, digits, '-' and '_' only.
  [[nodiscard]] std::string encode(const storage::Key& last) const;
  /// nullopt for anything that encode() of this query does not make.
  [[nodiscard]] std::optional<storage::Key> decode(std::string_view cursor) const;

 private:
  [[nodiscard]] std::uint32_t checksum(std::string_view payload) const noexcept;

  std::uint32_t seed_;
  storage::KeyKind kind_;
};

}  // namespace data_bridge::crud
