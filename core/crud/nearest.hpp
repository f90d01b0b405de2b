// Which known name somebody meant who wrote another one.
#pragma once

#include <string_view>
#include <vector>

namespace data_bridge::crud {

/// The name that takes the fewest insertions, deletions and exchanges of letters; the first of several, empty where
/// there is none.
[[nodiscard]] std::string_view nearest(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace data_bridge::crud
