// Percent-decoding with Python's treatment of broken UTF-8, and the quoting of Location.
#include "routing/percent.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace data_bridge::routing {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// How many bytes at the front of `text` (not empty) form one well-formed sequence, or, negated, how many
/// form the longest start of one (at least 1): Unicode 15, 3.9, table 3-7 and "maximal subpart".
int sequence(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  int length = 0;
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return -1;
  }
  for (int i = 1; i < length; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (at >= text.size() || byte(at) < low || byte(at) > high) return -i;
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

using ByteSet = std::array<bool, 256>;

/// The unreserved characters of RFC 3986, which are urllib's always-safe ones, and `more`.
constexpr ByteSet unreserved_and(std::string_view more) {
  ByteSet set{};
  for (unsigned char c = '0'; c <= '9'; ++c) set[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) set[c] = true;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) set[c] = true;
  for (const char c : std::string_view("-._~")) set[static_cast<unsigned char>(c)] = true;
  for (const char c : more) set[static_cast<unsigned char>(c)] = true;
  return set;
}

constexpr ByteSet kUnreserved = unreserved_and("");
/// RedirectResponse's safe characters are the reserved ones of RFC 3986 too, and '%'.
constexpr ByteSet kUri = unreserved_and(":/?#[]@!$&'()*+,;=%");

void append_encoded(std::string& out, std::string_view text, const ByteSet& kept) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kept[byte]) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kDigits[byte >> 4U]);
      out.push_back(kDigits[byte & 15U]);
    }
  }
}

}  // namespace

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

std::string plus_to_space(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  return spaced;
}

std::string decode_path(std::string_view path) {
  std::string bytes;
  append_unescaped(bytes, path);
  std::size_t good = 0;
  while (good < bytes.size()) {
    const int length = sequence(std::string_view(bytes).substr(good));
    if (length < 0) break;
    good += static_cast<std::size_t>(length);
  }
  if (good == bytes.size()) return bytes;

  std::string text(bytes, 0, good);
  for (std::size_t at = good; at < bytes.size();) {
    const int length = sequence(std::string_view(bytes).substr(at));
    const auto size = static_cast<std::size_t>(length < 0 ? -length : length);
    text += length < 0 ? kReplacement : std::string_view(bytes).substr(at, size);
    at += size;
  }
  return text;
}

void append_percent_encoded(std::string& out, std::string_view text) { append_encoded(out, text, kUnreserved); }

void append_uri(std::string& out, std::string_view text) { append_encoded(out, text, kUri); }

}  // namespace data_bridge::routing
