// Reads for callers that wait for them.
#pragma once

#include <cstdint>
#include <expected>

#include "storage/store.hpp"

namespace data_bridge::storage {

/// Collection::get(), done when it returns. False where there is no such item. `reading` is of a thread that may wait.
[[nodiscard]] std::expected<bool, Error> wait_for_get(Collection& collection, const Key& key, RowVisitor& visitor,
                                                      Reading reading = nullptr);

/// Collection::list() likewise: the total where `query` wants one, else 0.
[[nodiscard]] std::expected<std::uint64_t, Error> wait_for_list(Collection& collection, const ListQuery& query,
                                                                RowVisitor& visitor, Reading reading = nullptr);

}  // namespace data_bridge::storage
