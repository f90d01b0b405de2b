// json::Value and plain C++ values to JSON text, as Pydantic and as Python's json.dumps write it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "json/scalar_text.hpp"
#include "json/value.hpp"

namespace data_bridge::json {

enum class Style : std::uint8_t {
  /// model_dump_json(): floats as 1e+16, 0.00001, 1e-6; NaN and infinities are null.
  kPydantic,
  /// The same before Pydantic 2.13: 1e16.
  kPydanticPlain,
  /// The same by FastAPI before 0.130, which has json.dumps() write it: 1e+16, 0.00001 as 1e-05.
  kPydanticDumps,
  /// json.dumps(ensure_ascii=False, allow_nan=False, separators=(",", ":")) after FastAPI's
  /// jsonable_encoder: floats by repr(), NaN and infinities fail, members "_sa..." are left out.
  kFastApi,
  /// json.dumps(ensure_ascii=False, separators=(",", ":")), for Python to read again: NaN, Infinity, -Infinity.
  kPython,
};

/// Of the floats in it.
[[nodiscard]] FloatStyle float_style(Style style) noexcept;

/// Containers within containers that jsonable_encoder gets through before CPython's limit of 1000
/// frames (measured under FastAPI 0.165 on 3.12 and 3.13: 968).
constexpr std::uint32_t kMaxDepth = 968;

/// Appends `value` to `out`. False where Python would raise: a lone surrogate, NaN or an infinity in
/// kFastApi, containers nested deeper than `max_depth`; `out` then ends anywhere.
[[nodiscard]] bool write(std::string& out, const Value& value, Style style, std::uint32_t max_depth = kMaxDepth);

/// A JSON string with its quotes. `text` is valid UTF-8.
void append_string(std::string& out, std::string_view text);
void append_int(std::string& out, std::int64_t value);
/// repr(float): "1e+16", "1e-05", "nan", "inf".
void append_python_repr(std::string& out, double value);

}  // namespace data_bridge::json
