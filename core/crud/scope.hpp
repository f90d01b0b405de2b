// What confines an operation to some of the items: nothing outside of it is read, written or heard of.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/arena.hpp"
#include "json/value.hpp"
#include "runtime/reactor.hpp"
#include "storage/query.hpp"
#include "storage/row.hpp"
#include "storage/store.hpp"

namespace data_bridge::crud {

class Resource;

/// A condition that holds for every item of the scope. Immutable.
struct Scope {
  /// What every item has in one column, whatever else holds.
  struct Equality {
    std::size_t column = 0;
    storage::Cell value{};
  };
  storage::Condition condition{};
  std::vector<Equality> equalities{};
};

/// `text` is a condition as clients write one into `where`. The error is for a programmer.
[[nodiscard]] std::expected<std::shared_ptr<const Scope>, std::string> read_scope(const Resource& resource,
                                                                                  std::string_view text);

/// A list's condition and that of the scope, where there is one.
void confine(std::optional<storage::Condition>& condition, const Scope* scope);

/// Finds the item if it is inside.
[[nodiscard]] storage::ListQuery query_inside(const Resource& resource, const Scope& scope, const storage::Key& key);

/// For callers that may wait: false where there is no such item inside of `scope`, which may be nullptr.
[[nodiscard]] std::expected<bool, storage::Error> get_inside(const Resource& resource, const Scope* scope,
                                                             storage::Collection& collection, const storage::Key& key,
                                                             storage::RowVisitor& visitor);

/// True where there is such an item as the transaction sees it, and it is inside.
[[nodiscard]] std::expected<bool, storage::Error> is_inside(const Resource& resource, const Scope& scope,
                                                            storage::WriteTransaction& transaction,
                                                            storage::Collection& collection, const storage::Key& key);

/// A new item, with what the scope says of fields that it does not have; `only_read_only`: of those that clients have
/// no say in.
[[nodiscard]] json::Value with_equalities(const Resource& resource, const Scope* scope, const json::Value& input,
                                          bool only_read_only, json::Arena& arena);

}  // namespace data_bridge::crud
