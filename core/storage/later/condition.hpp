// Whether an item is one of those that are asked for.
#pragma once

#include "storage/later/item.hpp"
#include "storage/query.hpp"

namespace data_bridge::storage::later {

[[nodiscard]] bool holds(const Condition& condition, const Item& item);

}  // namespace data_bridge::storage::later
