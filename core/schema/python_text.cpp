// str() and repr() of what JSON can say (CPython: Objects/unicodeobject.c, unicode_repr).
#include "schema/python_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "json/writer.hpp"
#include "text/utf8.hpp"

namespace data_bridge::schema {

namespace {

void append_hex(std::string& out, std::uint32_t code_point) {
  const auto append = [&](std::string_view prefix, std::size_t width) {
    std::array<char, 8> digits{};
    const auto [end, ec] = std::to_chars(digits.data(), digits.data() + digits.size(), code_point, 16);
    const auto length = static_cast<std::size_t>(end - digits.data());
    out.append(prefix).append(width - length, '0').append(digits.data(), length);
  };
  if (code_point <= 0xFF) {
    append("\\x", 2);
  } else if (code_point <= 0xFFFF) {
    append("\\u", 4);
  } else {
    append("\\U", 8);
  }
}

}  // namespace

bool PythonTexts::is_printable(std::uint32_t code_point) const noexcept {
  if (code_point < 0x7F) {
    return code_point >= ' ';
  }
  const auto after = std::ranges::upper_bound(unprintable_, code_point, {}, &Ranges::value_type::first);
  return after == unprintable_.begin() || std::prev(after)->second < code_point;
}

void PythonTexts::append_string_repr(std::string& out, std::string_view text) const {
  const char quote = text.contains('\'') && !text.contains('"') ? '"' : '\'';
  out.push_back(quote);
  while (!text.empty()) {
    const std::string_view sequence = text.substr(0, text::sequence_length(text.front()));
    const std::uint32_t code_point = text::first_code_point(text);
    text.remove_prefix(sequence.size());
    if (sequence.front() == quote || sequence.front() == '\\') {
      out.append("\\").append(sequence);
    } else if (code_point == '\t') {
      out.append("\\t");
    } else if (code_point == '\n') {
      out.append("\\n");
    } else if (code_point == '\r') {
      out.append("\\r");
    } else if (is_printable(code_point)) {
      out.append(sequence);
    } else {
      append_hex(out, code_point);
    }
  }
  out.push_back(quote);
}

void PythonTexts::append_str(std::string& out, const json::Value& value) const {
  if (value.is_string()) {
    out.append(value.as_string());
  } else {
    append_repr(out, value);
  }
}

void PythonTexts::append_repr(std::string& out, const json::Value& value) const {
  bool first = true;
  const auto separate = [&] {
    if (!first) {
      out.append(", ");
    }
    first = false;
  };
  switch (value.type()) {
    case json::Type::kNull:
      out.append("None");
      break;
    case json::Type::kBool:
      out.append(value.as_bool() ? "True" : "False");
      break;
    case json::Type::kInt:
      json::append_int(out, value.as_int());
      break;
    case json::Type::kBigInt:
      out.append(value.as_string());
      break;
    case json::Type::kDouble:
      json::append_python_repr(out, value.as_double());
      break;
    case json::Type::kString:
      append_string_repr(out, value.as_string());
      break;
    case json::Type::kArray:
      out.push_back('[');
      for (const json::Value& item : value.items()) {
        separate();
        append_repr(out, item);
      }
      out.push_back(']');
      break;
    case json::Type::kObject:
      out.push_back('{');
      for (const json::Member& member : value.members()) {
        separate();
        append_string_repr(out, member.key.as_string());
        out.append(": ");
        append_repr(out, member.value);
      }
      out.push_back('}');
      break;
  }
}

}  // namespace data_bridge::schema
