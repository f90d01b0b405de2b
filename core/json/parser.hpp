// Bytes to a json::Value, accepting and refusing exactly what CPython's json.loads(bytes) does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>

#include "json/value.hpp"

namespace data_bridge::json {

/// What differs between Python versions.
struct ParseOptions {
  /// 3.13 and later: "Illegal trailing comma before end of object" at the comma.
  bool trailing_comma_message = true;
  /// Containers within containers, above which json.loads raises RecursionError under FastAPI. Measured:
  /// 3.11 962, 3.12 1492, 3.13 9993; a few more or less with the depth of the calling stack.
  std::uint32_t max_depth = 9993;
};

enum class ParseErrorKind : std::uint8_t {
  kSyntax,        ///< json.JSONDecodeError: `message` at `position`
  kEncoding,      ///< UnicodeDecodeError
  kIntegerSize,   ///< ValueError: more than 4300 digits (sys.get_int_max_str_digits)
  kDepth,         ///< RecursionError
  kDocumentSize,  ///< 4 GiB and more
};

struct ParseError {
  ParseErrorKind kind = ParseErrorKind::kSyntax;
  const char* message = "";  ///< CPython's text, static; only for kSyntax
  std::size_t position = 0;  ///< in code points of the decoded text; only for kSyntax
};

/// The result points into `bytes` and `arena`. UTF-8 with or without BOM, UTF-16, UTF-32 (RFC 4627, 3).
[[nodiscard]] std::expected<Value, ParseError> parse(std::string_view bytes, Arena& arena,
                                                     const ParseOptions& options = {});

}  // namespace data_bridge::json
