// The query string of one request, split but not decoded.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

namespace data_bridge::bridge {

/// The name=value pairs of an application/x-www-form-urlencoded query, as
/// urllib.parse.parse_qsl(keep_blank_values=True) splits it: "&" only, empty pieces skipped.
class Query {
 public:
  explicit Query(std::string_view text);

  /// The raw value of the last pair of this (decoded) name, as Starlette's QueryParams.get.
  [[nodiscard]] std::optional<std::string_view> last(std::string_view name) const;
  /// The raw values of all pairs of this name, in order.
  [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;

 private:
  struct Pair {
    std::string_view name;
    std::string_view value;
  };
  [[nodiscard]] static bool same_name(std::string_view raw, std::string_view name);

  std::vector<Pair> pairs_;
};

}  // namespace data_bridge::bridge
