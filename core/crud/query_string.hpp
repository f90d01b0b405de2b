// The query of a URL as urllib.parse.parse_qsl(query, keep_blank_values=True) reads it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace data_bridge::crud {

struct QueryParameter {
  std::string_view raw;  ///< `name=value` as sent
  std::string name;
  std::string value;
};

/// In the order of the query. Names and values are valid UTF-8.
[[nodiscard]] std::vector<QueryParameter> parse_query(std::string_view query);

}  // namespace data_bridge::crud
