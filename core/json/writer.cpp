// json::Value and plain C++ values to JSON text, as Pydantic and as Python's json.dumps write it.
#include "json/writer.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

namespace data_bridge::json {

namespace {

// 0: as it is; 'u': \u00XX; else the letter behind the backslash. serde_json and CPython escape the
// same bytes: neither touches 0x7f, '/', U+2028 or anything beyond ASCII.
constexpr std::array<char, 256> make_escapes() {
  std::array<char, 256> table{};
  for (std::size_t i = 0; i < 0x20; ++i) {
    table[i] = 'u';
  }
  table['\b'] = 'b';
  table['\t'] = 't';
  table['\n'] = 'n';
  table['\f'] = 'f';
  table['\r'] = 'r';
  table['"'] = '"';
  table['\\'] = '\\';
  return table;
}
constexpr std::array<char, 256> kEscapes = make_escapes();

constexpr std::uint64_t repeat(std::uint8_t byte) { return 0x0101010101010101ULL * byte; }

// Non-zero where one of eight bytes needs an escape (exact zero-byte tests, Hacker's Delight 6-1; a
// false alarm only leads to the byte-wise loop).
std::uint64_t needs_escape(const char* bytes) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  const std::uint64_t quote = word ^ repeat('"');
  const std::uint64_t backslash = word ^ repeat('\\');
  const std::uint64_t control = (word - repeat(0x20)) & ~word;
  return (((quote - repeat(1)) & ~quote) | ((backslash - repeat(1)) & ~backslash) | control) & repeat(0x80);
}

void append_escaped(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  const char* begin = text.data();
  const char* cursor = begin;
  const char* const end = begin + text.size();
  out.push_back('"');
  while (cursor != end) {
    if (end - cursor >= 8 && needs_escape(cursor) == 0) {
      cursor += 8;
      continue;
    }
    const auto byte = static_cast<unsigned char>(*cursor);
    const char escape = kEscapes[byte];
    if (escape == 0) {
      ++cursor;
      continue;
    }
    out.append(begin, static_cast<std::size_t>(cursor - begin));
    out.push_back('\\');
    out.push_back(escape);
    if (escape == 'u') {
      out.append({'0', '0', kHex[byte >> 4], kHex[byte & 15]});
    }
    begin = ++cursor;
  }
  // By pointer and length: with two pointers libstdc++ takes the way of replace(), at twice the price.
  out.append(begin, static_cast<std::size_t>(end - begin));
  out.push_back('"');
}

// The shortest digits that read back as the same double, and the place of the decimal point:
// value = 0.DIGITS * 10^point.
struct Digits {
  std::array<char, 24> text{};
  int count = 0;
  int point = 0;
  bool negative = false;
};

Digits shortest(double value) {
  Digits digits;
  digits.negative = std::signbit(value);
  std::array<char, 32> buffer{};
  const auto [end, ec] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(value), std::chars_format::scientific);
  const char* cursor = buffer.data();
  for (; cursor != end && *cursor != 'e'; ++cursor) {
    if (*cursor != '.') {
      digits.text[static_cast<std::size_t>(digits.count++)] = *cursor;
    }
  }
  int exponent = 0;
  cursor += cursor[1] == '+' ? 2 : 1;  // from_chars takes '-', not '+'
  std::from_chars(cursor, end, exponent);
  digits.point = exponent + 1;
  return digits;
}

enum class FloatStyle : std::uint8_t { kPydantic, kPython };

void append_finite(std::string& out, double value, FloatStyle style) {
  const Digits digits = shortest(value);
  const std::string_view text(digits.text.data(), static_cast<std::size_t>(digits.count));
  // Plain notation: repr() for 1e-4 <= x < 1e16, Pydantic (Rust's ryu layout) for 1e-5 <= x < 1e16.
  const int lowest = style == FloatStyle::kPython ? -4 : -5;
  if (digits.negative) {
    out.push_back('-');
  }
  if (digits.point > lowest && digits.point <= 16) {
    if (digits.point <= 0) {
      out.append("0.").append(static_cast<std::size_t>(-digits.point), '0').append(text);
    } else if (digits.count <= digits.point) {
      out.append(text).append(static_cast<std::size_t>(digits.point - digits.count), '0').append(".0");
    } else {
      const auto point = static_cast<std::size_t>(digits.point);
      out.append(text.substr(0, point)).append(1, '.').append(text.substr(point));
    }
    return;
  }
  out.push_back(text[0]);
  if (text.size() > 1) {
    out.append(1, '.').append(text.substr(1));
  }
  const int exponent = digits.point - 1;
  out.push_back('e');
  out.push_back(exponent < 0 ? '-' : '+');
  const int magnitude = std::abs(exponent);
  if (style == FloatStyle::kPython && magnitude < 10) {
    out.push_back('0');
  }
  append_int(out, magnitude);
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
        if (style == Style::kFastApi) {
          return false;
        }
        out.append("null");
        return true;
      }
      append_finite(out, value.as_double(), style == Style::kFastApi ? FloatStyle::kPython : FloatStyle::kPydantic);
      return true;
    case Type::kString:
      if (value.has_surrogates()) {
        return false;
      }
      append_escaped(out, value.as_string());
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
        append_escaped(out, member.key.as_string());
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

bool write(std::string& out, const Value& value, Style style, std::uint32_t max_depth) {
  return write_value(out, value, style, max_depth);
}

void append_string(std::string& out, std::string_view text) { append_escaped(out, text); }

void append_int(std::string& out, std::int64_t value) {
  std::array<char, 20> buffer{};
  const auto [end, ec] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  out.append(buffer.data(), end);
}

void append_double(std::string& out, double value) {
  if (std::isfinite(value)) {
    append_finite(out, value, FloatStyle::kPydantic);
  } else {
    out.append("null");
  }
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
