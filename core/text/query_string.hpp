// The query of a URL as urllib.parse.parse_qsl(query, keep_blank_values=True) reads it, which is Starlette's reading.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace data_bridge::text {

/// A name or a value as it was sent, decoded: '+' is a space, escapes are UTF-8 with U+FFFD where they are none, and
/// bytes beyond ASCII are Latin-1, as which Starlette reads a query. Always valid UTF-8.
[[nodiscard]] std::string decode_query_text(std::string_view raw);

/// One `name=value`, as sent.
struct QueryParameter {
  std::string_view raw;
  std::string_view raw_name;
  std::string_view raw_value;

  [[nodiscard]] std::string name() const { return decode_query_text(raw_name); }
  [[nodiscard]] std::string value() const { return decode_query_text(raw_value); }
};

/// Parameters in the order of the query, split and not decoded: who asks for few of them pays for few. They point
/// into the text.
class QueryString {
 public:
  explicit QueryString(std::string_view query);

  [[nodiscard]] auto begin() const noexcept { return parameters_.begin(); }
  [[nodiscard]] auto end() const noexcept { return parameters_.end(); }

  /// The raw value of the last parameter of this (decoded) name, as Starlette's QueryParams.get.
  [[nodiscard]] std::optional<std::string_view> last(std::string_view name) const;
  /// The raw values of all parameters of this name, in order.
  [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;

 private:
  std::vector<QueryParameter> parameters_;
};

}  // namespace data_bridge::text
