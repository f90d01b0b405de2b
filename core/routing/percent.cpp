// Percent-decoding with Python's treatment of broken UTF-8, and the quoting of Location.
#include "routing/percent.hpp"

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

std::string unescape(std::string_view path) {
  std::string bytes;
  bytes.reserve(path.size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 2 < path.size()) {
      const int high = hex_value(path[i + 1]);
      const int low = hex_value(path[i + 2]);
      if (high >= 0 && low >= 0) {
        bytes.push_back(static_cast<char>(high * 16 + low));
        i += 2;
        continue;
      }
    }
    bytes.push_back(path[i]);
  }
  return bytes;
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

/// urllib's always-safe characters and those RedirectResponse adds.
constexpr auto kLocationSafe = [] {
  std::array<bool, 256> safe{};
  for (unsigned char c = '0'; c <= '9'; ++c) safe[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) safe[c] = true;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) safe[c] = true;
  for (const char c : std::string_view("_.-~:/%#?=@[]!$&'()*+,;")) safe[static_cast<unsigned char>(c)] = true;
  return safe;
}();

}  // namespace

std::string decode_path(std::string_view path) {
  std::string bytes = unescape(path);
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

void append_location(std::string& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kLocationSafe[byte]) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kDigits[byte >> 4U]);
      out.push_back(kDigits[byte & 15U]);
    }
  }
}

}  // namespace data_bridge::routing
