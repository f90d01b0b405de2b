// UTF-8: strict checks and counts, sixteen bytes at a time while they are ASCII.
#include "json/utf8.hpp"

#include <cstring>

namespace data_bridge::json {

namespace {

constexpr std::uint64_t kHighBits = 0x8080808080808080;

std::uint64_t load(const char* bytes) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

bool continuation(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

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
    // The table of well-formed sequences: Unicode, table 3-7.
    if (lead >= 0xC2 && lead <= 0xDF) {
      if (end - cursor < 2 || !continuation(cursor[1])) {
        return Utf8::kInvalid;
      }
      cursor += 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      if (end - cursor < 3 || !continuation(cursor[1]) || !continuation(cursor[2])) {
        return Utf8::kInvalid;
      }
      const auto second = static_cast<unsigned char>(cursor[1]);
      if (lead == 0xE0 && second < 0xA0) {
        return Utf8::kInvalid;
      }
      if (lead == 0xED && second >= 0xA0) {
        result = Utf8::kSurrogates;
      }
      cursor += 3;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      if (end - cursor < 4 || !continuation(cursor[1]) || !continuation(cursor[2]) || !continuation(cursor[3])) {
        return Utf8::kInvalid;
      }
      const auto second = static_cast<unsigned char>(cursor[1]);
      if ((lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
        return Utf8::kInvalid;
      }
      cursor += 4;
    } else {
      return Utf8::kInvalid;
    }
  }
  return result;
}

std::size_t count_code_points(std::string_view text) noexcept {
  std::size_t count = 0;
  for (const char byte : text) {
    count += continuation(byte) ? 0 : 1;
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

}  // namespace data_bridge::json
