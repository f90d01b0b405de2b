// Reads application/x-www-form-urlencoded (WHATWG URL, 5.1) as it comes in.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "forms/reading.hpp"
#include "text/query_string.hpp"

namespace data_bridge::forms {

/// Keeps the whole body, which its limits bound. Irregular are fields without anything in them, and ';', which was a
/// separator once.
class UrlencodedReader {
 public:
  explicit UrlencodedReader(Limits limits) noexcept : limits_(limits) {}

  /// The next piece of the body; not behind kIrregular.
  Status feed(std::string_view piece);

  /// All that was fed.
  [[nodiscard]] std::string_view body() const noexcept { return body_; }
  /// Once all was fed: names and values in their order, as decode_query_text() decodes them. Points into this.
  [[nodiscard]] text::QueryString fields() const { return text::QueryString(body_); }

 private:
  Limits limits_;
  std::string body_;
  std::size_t fields_ = 0;
  std::size_t field_size_ = 0;  // of the field that is being read, without its '='
  bool has_equals_ = false;
};

}  // namespace data_bridge::forms
