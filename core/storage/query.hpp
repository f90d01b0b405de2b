// What a list is asked for: which items, in which order, from where on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/row.hpp"
#include "storage/table.hpp"

namespace data_bridge::storage {

/// Null is the least of all values and different from every other: `ne` and `nin` hold for it, the rest (but for an
/// `in` that names it) does not.
enum class Operator : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
  kContains,         ///< text: a part of it, code point by code point; a list: one of its items
  kContainsAnyCase,  ///< text, compared in Unicode's upper case
  kStartsWith,       ///< text
  kEndsWith,         ///< text
  kIsNull,           ///< the value is 1 or 0
};

/// A tree. Its text is in the values only.
struct Condition {
  enum class Type : std::uint8_t { kTest, kAll, kAny, kNot };
  Type type = Type::kAll;
  std::vector<Condition> parts{};  ///< of kAll (none: everything), kAny (none: nothing), kNot (one)
  // Of kTest:
  Field field{};
  Operator op = Operator::kEqual;
  /// As a Row would hold them. One; any number for kIn and kNotIn. NULL only for kEqual, kNotEqual, kIn and kNotIn.
  std::vector<Cell> values{};

  friend bool operator==(const Condition&, const Condition&) = default;
};

struct SortTerm {
  Field field;
  bool descending = false;

  friend bool operator==(const SortTerm&, const SortTerm&) = default;
};

/// A page of the items that `condition` holds for, in the order of `sort`. The key must be among its terms, so that the
/// order is total; empty: by the key.
struct ListQuery {
  std::optional<Condition> condition{};
  std::vector<SortTerm> sort{};
  /// By keyset: the values of the sort terms, as RowView has them, of the item before the page. Empty: from the start.
  std::vector<Cell> after{};
  std::uint64_t offset = 0;
  std::size_t limit = 0;
  /// How many items there are for which `condition` holds, whatever the page is.
  bool wants_total = false;

  /// By the key alone, all items, from a key on: what most lists are.
  [[nodiscard]] bool is_plain() const noexcept { return !condition && sort.empty() && offset == 0; }
};

}  // namespace data_bridge::storage
