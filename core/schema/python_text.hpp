// How Python writes what json.loads() has made: str() and repr().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/value.hpp"

namespace data_bridge::schema {

/// What str.isprintable() says depends on the Unicode of the Python.
class PythonTexts {
 public:
  /// First and last code points, ascending.
  using Ranges = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

  /// Of the code points above U+007E those that repr() escapes.
  void set_unprintable(Ranges ranges) noexcept { unprintable_ = std::move(ranges); }

  /// Appends str(value).
  void append_str(std::string& out, const json::Value& value) const;
  /// Appends repr(value).
  void append_repr(std::string& out, const json::Value& value) const;

 private:
  void append_string_repr(std::string& out, std::string_view text) const;
  [[nodiscard]] bool is_printable(std::uint32_t code_point) const noexcept;

  Ranges unprintable_;
};

}  // namespace data_bridge::schema
