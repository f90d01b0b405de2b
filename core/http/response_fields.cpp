// What an application's list of fields says about an answer.
#include "http/response_fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "http/characters.hpp"
#include "http/fields.hpp"

namespace data_bridge::http {
namespace {

// What uvicorn lets through as a name in an answer: tokens, '/', '?', ''' and what is beyond ASCII. Nothing of it can
// end the name or the line.
constexpr CharacterClass kNameCharacters = [] {
  CharacterClass table{};
  for (std::size_t c = 0x21; c <= 0xff; ++c) table[c] = c != 0x7f;
  for (const char c : std::string_view("()<>@,;:[]={}\\\"")) table[static_cast<std::size_t>(c)] = false;
  return table;
}();

}  // namespace

bool valid_header(std::string_view name, std::string_view value) noexcept {
  if (name.empty() || !std::ranges::all_of(name, [](char c) { return is(kNameCharacters, c); })) return false;
  return !has_control(value);
}

bool may_be_trailer(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 8> kOfAnswers{
      "age", "date", "expires", "location", "pragma", "proxy-authenticate", "retry-after", "vary"};
  return !belongs_in_head(name) &&
         std::ranges::none_of(kOfAnswers, [name](std::string_view one) { return text::equals_lower(name, one); });
}

ResponseFields::ResponseFields(std::span<const Header> headers) noexcept {
  for (const Header& field : headers) {
    if (!valid_header(field.name, field.value)) valid = false;
    switch (own_field(field.name)) {
      case OwnField::kDate:
        date = true;
        break;
      case OwnField::kServer:
        server = true;
        break;
      case OwnField::kConnection:
        close = close || has_element(field.value, "close");
        keep_alive = keep_alive || has_element(field.value, "keep-alive");
        upgrade = upgrade || has_element(field.value, "upgrade");
        break;
      case OwnField::kContentLength: {
        std::uint64_t length = 0;
        const std::string_view text = field.value;
        const auto [last, status] = std::from_chars(text.data(), text.data() + text.size(), length);
        const bool number = status == std::errc{} && last == text.data() + text.size();
        if (!number) valid = false;
        if (content_length.value_or(length) != length) lengths_differ = true;
        if (!content_length) content_length = length;
        break;
      }
      default:
        break;
    }
  }
}

}  // namespace data_bridge::http
