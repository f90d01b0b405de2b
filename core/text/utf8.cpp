// UTF-8: strict checks and counts, sixteen bytes at a time while they are ASCII.
#include "text/utf8.hpp"

#include <cstring>

namespace data_bridge::text {

namespace {

constexpr std::uint64_t kHighBits = 0x8080808080808080;

std::uint64_t load(const char* bytes) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

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

}  // namespace

Utf8 check_utf8(std::string_view bytes) noexcept {
  const char* cursor = bytes.data();
  const char* const end = cursor + bytes.size();
  Utf8 result = Utf8::kAscii;
  while (cursor != end) {
    while (end - cursor >= 16 && ((load(cursor) | load(cursor + 8)) & kHighBits) == 0) {
      cursor += 16;
    }
    if (cursor == end) {
      break;
    }
    const auto lead = static_cast<unsigned char>(*cursor);
    if (lead < 0x80) {
      ++cursor;
      continue;
    }
    if (result == Utf8::kAscii) {
      result = Utf8::kValid;
    }
    const std::string_view rest(cursor, static_cast<std::size_t>(end - cursor));
    if (const int length = sequence(rest); length > 0) {
      cursor += length;
    } else if (rest.size() >= 3 && lead == 0xED && is_continuation(rest[1]) && is_continuation(rest[2])) {
      result = Utf8::kSurrogates;
      cursor += 3;
    } else {
      return Utf8::kInvalid;
    }
  }
  return result;
}

std::string replace_invalid(std::string bytes) {
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

std::uint32_t first_code_point(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(text[i])}; };
  switch (sequence_length(text[0])) {
    case 1:
      return byte(0);
    case 2:
      return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
    case 3:
      return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    default:
      return (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
  }
}

std::size_t count_code_points(std::string_view text) noexcept {
  std::size_t count = 0;
  for (const char byte : text) {
    count += is_continuation(byte) ? 0 : 1;
  }
  return count;
}

void append_code_point(std::string& out, std::uint32_t code_point) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(static_cast<unsigned char>(value)); };
  if (code_point < 0x80) {
    out.push_back(byte(code_point));
  } else if (code_point < 0x800) {
    out.push_back(byte(0xC0 | code_point >> 6));
    out.push_back(byte(0x80 | (code_point & 0x3F)));
  } else if (code_point < 0x10000) {
    out.push_back(byte(0xE0 | code_point >> 12));
    out.push_back(byte(0x80 | (code_point >> 6 & 0x3F)));
    out.push_back(byte(0x80 | (code_point & 0x3F)));
  } else {
    out.push_back(byte(0xF0 | code_point >> 18));
    out.push_back(byte(0x80 | (code_point >> 12 & 0x3F)));
    out.push_back(byte(0x80 | (code_point >> 6 & 0x3F)));
    out.push_back(byte(0x80 | (code_point & 0x3F)));
  }
}

}  // namespace data_bridge::text
