// What is said of containers with too few or too many items.
#pragma once

#include <cstddef>
#include <string_view>

#include "schema/node.hpp"

namespace data_bridge::schema {

/// too_long or too_short of a container that Pydantic calls `type`. Returns false.
bool fail_length(State& state, const json::Value& input, std::string_view type, bool too_long, std::size_t bound,
                 std::size_t actual);

/// too_long where nobody has counted to the end. Returns false.
bool fail_too_many(State& state, const json::Value& input, std::string_view type, std::size_t bound);

}  // namespace data_bridge::schema
