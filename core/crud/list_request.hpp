// What the query of a list asks for.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "crud/cursor.hpp"
#include "crud/resource.hpp"
#include "crud/scope.hpp"
#include "schema/body.hpp"
#include "storage/query.hpp"

namespace data_bridge::crud {

constexpr std::size_t kMaxSortTerms = 8;

struct ListRequest {
  storage::ListQuery query{};               ///< its limit is that of the page
  std::vector<std::size_t> columns{};       ///< only these; empty: all
  std::optional<CursorCodec> cursors = {};  ///< of this query; nullopt: those of the resource's own order
};

/// Reads `query` as it was sent, of the items in `scope`; what is wrong with it is added to `errors`.
[[nodiscard]] ListRequest read_list(const Resource& resource, const Scope* scope, std::string_view query,
                                    schema::RequestErrors& errors);

}  // namespace data_bridge::crud
