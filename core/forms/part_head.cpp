// The head of a part as browsers and HTTP libraries write it.
#include "forms/part_head.hpp"

#include <algorithm>

#include "text/characters.hpp"
#include "text/utf8.hpp"

namespace data_bridge::forms {
namespace {

bool is_field_name(std::string_view name) noexcept {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return text::is_letter(c) || c == '-'; });
}

bool has_control(std::string_view value) noexcept {
  return std::ranges::any_of(value, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

/// What RFC 2046 allows in a boundary, but for the space, and without what a parameter has to quote.
bool is_boundary_character(char c) noexcept {
  return text::is_letter(c) || text::is_digit(c) || std::string_view("'+_-.").contains(c);
}

bool take(std::string_view& from, std::string_view prefix) noexcept {
  if (!from.starts_with(prefix)) return false;
  from.remove_prefix(prefix.size());
  return true;
}

void skip_spaces(std::string_view& from) noexcept {
  from.remove_prefix(std::min(from.find_first_not_of(' '), from.size()));
}

/// `"..."`, without escapes.
std::optional<std::string_view> take_quoted(std::string_view& from) noexcept {
  if (!take(from, "\"")) return std::nullopt;
  const std::size_t end = from.find_first_of("\"\\");
  if (end == std::string_view::npos || from[end] != '"') return std::nullopt;
  const std::string_view found = from.substr(0, end);
  from.remove_prefix(end + 1);
  return found;
}

/// Other bytes are Latin-1, or what the form's charset says.
bool is_utf8(std::string_view value) noexcept { return text::check_utf8(value) <= text::Utf8::kValid; }

/// form-data; name="..."; filename="..."
bool read_disposition(std::string_view value, PartHead& head) {
  if (!take(value, "form-data")) return false;
  bool has_name = false;
  while (!value.empty()) {
    if (!take(value, ";")) return false;
    skip_spaces(value);
    const bool is_name = take(value, "name=");
    if (is_name ? has_name : head.filename || !take(value, "filename=")) return false;
    const auto found = take_quoted(value);
    if (!found || !is_utf8(*found)) return false;
    if (is_name) {
      head.name = *found;
      has_name = true;
    } else {
      head.filename = *found;
    }
  }
  return has_name;
}

}  // namespace

std::optional<std::string_view> multipart_boundary(std::string_view content_type) noexcept {
  if (!take(content_type, "multipart/form-data;")) return std::nullopt;
  skip_spaces(content_type);
  if (!take(content_type, "boundary=")) return std::nullopt;
  if (content_type.starts_with('"')) {
    if (!content_type.ends_with('"')) return std::nullopt;
    content_type.remove_prefix(1);
    content_type.remove_suffix(content_type.empty() ? 0 : 1);
  }
  constexpr std::size_t kMaxBoundary = 70;  // RFC 2046, 5.1.1
  if (content_type.empty() || content_type.size() > kMaxBoundary) return std::nullopt;
  if (!std::ranges::all_of(content_type, is_boundary_character)) return std::nullopt;
  return content_type;
}

bool is_urlencoded(std::string_view content_type) noexcept {
  if (!take(content_type, "application/x-www-form-urlencoded")) return false;
  if (content_type.empty()) return true;
  if (!take(content_type, ";")) return false;
  skip_spaces(content_type);
  return text::equals_ignoring_case(content_type, "charset=utf-8");
}

std::optional<PartHead> read_part_head(std::string_view text) {
  PartHead head;
  bool has_disposition = false;
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    if (end == std::string_view::npos || head.fields.size() == kMaxPartFields) return std::nullopt;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    const std::size_t colon = std::min(line.find(':'), line.size());
    std::string name(line.substr(0, colon));
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    skip_spaces(value);
    if (!is_field_name(name) || value.empty() || has_control(value)) return std::nullopt;
    std::ranges::transform(name, name.begin(), text::to_lower);
    if (name == "content-disposition") {
      if (has_disposition || !read_disposition(value, head)) return std::nullopt;
      has_disposition = true;
    }
    head.fields.emplace_back(std::move(name), value);
  }
  if (!has_disposition) return std::nullopt;
  return head;
}

}  // namespace data_bridge::forms
