// json::Value and plain C++ values to JSON text, as Pydantic and as Python's json.dumps write it.
#include "json/writer.hpp"

#include <algorithm>
#include <cmath>

#include "json/scalar_text.hpp"

namespace data_bridge::json {

namespace {

void append_finite(std::string& out, double value, FloatStyle style) {
  append_bounded(out, kDoubleBound, [&](char* to) { return write_double(to, value, style); });
}

bool append_not_finite(std::string& out, double value, Style style) {
  switch (style) {
    case Style::kPydantic:
    case Style::kPydanticPlain:
    case Style::kPydanticDumps:
      out.append("null");
      return true;
    case Style::kPython:
      out.append(std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
      return true;
    case Style::kFastApi:
      break;
  }
  return false;
}

bool write_value(std::string& out, const Value& value, Style style, std::uint32_t depth) {
  switch (value.type()) {
    case Type::kNull:
      out.append("null");
      return true;
    case Type::kBool:
      out.append(value.as_bool() ? "true" : "false");
      return true;
    case Type::kInt:
      append_int(out, value.as_int());
      return true;
    case Type::kBigInt:
      out.append(value.as_string());
      return true;
    case Type::kDouble:
      if (!std::isfinite(value.as_double())) {
        return append_not_finite(out, value.as_double(), style);
      }
      append_finite(out, value.as_double(), float_style(style));
      return true;
    case Type::kString:
      if (value.has_surrogates()) {
        return false;
      }
      append_string(out, value.as_string());
      return true;
    case Type::kArray: {
      if (depth == 0) {
        return false;
      }
      char separator = '[';
      for (const Value& item : value.items()) {
        out.push_back(separator);
        separator = ',';
        if (!write_value(out, item, style, depth - 1)) {
          return false;
        }
      }
      out.append(separator == '[' ? "[]" : "]");
      return true;
    }
    case Type::kObject: {
      if (depth == 0) {
        return false;
      }
      char separator = '{';
      for (const Member& member : value.members()) {
        // jsonable_encoder(sqlalchemy_safe=True) takes such members for SQLAlchemy's own.
        if (style == Style::kFastApi && member.key.as_string().starts_with("_sa")) {
          continue;
        }
        if (member.key.has_surrogates()) {
          return false;
        }
        out.push_back(separator);
        separator = ',';
        append_string(out, member.key.as_string());
        out.push_back(':');
        if (!write_value(out, member.value, style, depth - 1)) {
          return false;
        }
      }
      out.append(separator == '{' ? "{}" : "}");
      return true;
    }
  }
  return false;
}

}  // namespace

FloatStyle float_style(Style style) noexcept {
  switch (style) {
    case Style::kPydantic:
      return FloatStyle::kPydantic;
    case Style::kPydanticPlain:
      return FloatStyle::kPlainExponents;
    case Style::kPydanticDumps:
    case Style::kFastApi:
    case Style::kPython:
      break;
  }
  return FloatStyle::kPython;
}

bool write(std::string& out, const Value& value, Style style, std::uint32_t max_depth) {
  return write_value(out, value, style, max_depth);
}

void append_string(std::string& out, std::string_view text) {
  if (text.size() <= kShortString) {
    append_bounded(out, string_bound(text.size()), [text](char* to) { return write_string(to, text); });
    return;
  }
  out.push_back('"');
  for (; !text.empty(); text.remove_prefix(std::min(text.size(), kShortString))) {
    const std::string_view piece = text.substr(0, kShortString);
    append_bounded(out, escaped_bound(piece.size()), [piece](char* to) { return write_escaped(to, piece); });
  }
  out.push_back('"');
}

void append_int(std::string& out, std::int64_t value) {
  append_bounded(out, kIntBound, [value](char* to) { return write_int(to, value); });
}

void append_python_repr(std::string& out, double value) {
  if (std::isfinite(value)) {
    append_finite(out, value, FloatStyle::kPython);
  } else if (std::isnan(value)) {
    out.append("nan");
  } else {
    out.append(value < 0 ? "-inf" : "inf");
  }
}

}  // namespace data_bridge::json
