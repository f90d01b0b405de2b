// Percent-decoding with Python's treatment of broken UTF-8, and the quoting of Location.
#include "text/percent.hpp"

#include <array>
#include <cstddef>
#include <utility>

#include "text/characters.hpp"
#include "text/utf8.hpp"

namespace data_bridge::text {
namespace {

using ByteSet = std::array<bool, 256>;

/// The unreserved characters of RFC 3986, which are urllib's always-safe ones, and `more`.
constexpr ByteSet unreserved_and(std::string_view more) {
  ByteSet set{};
  for (std::size_t c = 0; c < set.size(); ++c)
    set[c] = is_digit(static_cast<char>(c)) || is_letter(static_cast<char>(c));
  for (const char c : std::string_view("-._~")) set[static_cast<unsigned char>(c)] = true;
  for (const char c : more) set[static_cast<unsigned char>(c)] = true;
  return set;
}

constexpr ByteSet kUnreserved = unreserved_and("");
/// RedirectResponse's safe characters are the reserved ones of RFC 3986 too, and '%'.
constexpr ByteSet kUri = unreserved_and(":/?#[]@!$&'()*+,;=%");

void append_encoded(std::string& out, std::string_view text, const ByteSet& kept) {
  const char* from = text.data();
  const char* const end = from + text.size();
  for (const char* at = from; at != end; ++at) {
    const auto byte = static_cast<unsigned char>(*at);
    if (kept[byte]) continue;
    out.append(from, at);
    out.push_back('%');
    out.push_back(kUpperHexDigits[byte >> 4U]);
    out.push_back(kUpperHexDigits[byte & 15U]);
    from = at + 1;
  }
  out.append(from, end);
}

/// A '%' without two hex digits stays (urllib.parse.unquote_to_bytes).
void append_unescaped(std::string& out, std::string_view text) {
  out.reserve(out.size() + text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
        continue;
      }
    }
    out.push_back(text[i]);
  }
}

}  // namespace

std::string decode_path(std::string_view path) {
  std::string bytes;
  append_unescaped(bytes, path);
  return replace_invalid(std::move(bytes));
}

void append_percent_encoded(std::string& out, std::string_view text) { append_encoded(out, text, kUnreserved); }

void append_uri(std::string& out, std::string_view text) { append_encoded(out, text, kUri); }

}  // namespace data_bridge::text
