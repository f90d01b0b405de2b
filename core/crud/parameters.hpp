// The parameters of operations on one item.
#pragma once

#include <optional>

#include "crud/operation.hpp"
#include "crud/resource.hpp"
#include "schema/body.hpp"

namespace data_bridge::crud {

/// After everything of a request was read: false, with the answer in `response`, where there are errors (422) or a key
/// that no item can have (404).
[[nodiscard]] bool settle(const std::optional<storage::Key>& key, const schema::RequestErrors& errors,
                          Response& response);

/// The key of a request that has nothing else. nullopt: `response` has the answer.
[[nodiscard]] std::optional<storage::Key> read_parameters(const Resource& resource, const Request& request,
                                                          Response& response);

}  // namespace data_bridge::crud
