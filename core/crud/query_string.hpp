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

/// Appends `text` with every byte percent-encoded that is not unreserved (RFC 3986, 2.3): one path segment or value.
void append_percent_encoded(std::string& out, std::string_view text);

/// Appends a path or query as sent, with every byte encoded that no URI may have, so that it can stand in a header.
void append_uri(std::string& out, std::string_view text);

}  // namespace data_bridge::crud
