// Full Unicode case conversion, as Rust's str::to_lowercase and to_uppercase.
#pragma once

#include <string>
#include <string_view>

namespace data_bridge::text {

// `text` is valid UTF-8.
[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string to_upper(std::string_view text);

}  // namespace data_bridge::text
