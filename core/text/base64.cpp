// Base64 in the alphabet of URLs, without padding (RFC 4648, 5).
#include "text/base64.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace data_bridge::text {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> kDigits = [] {
  std::array<std::int8_t, 256> digits{};
  digits.fill(-1);
  for (std::size_t at = 0; at < kAlphabet.size(); ++at) {
    digits[static_cast<unsigned char>(kAlphabet[at])] = static_cast<std::int8_t>(at);
  }
  return digits;
}();

}  // namespace

void append_base64url(std::string& out, std::string_view bytes) {
  const std::size_t before = out.size();
  out.resize(before + (bytes.size() * 4 + 2) / 3);
  char* to = out.data() + before;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char byte : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(byte);
    count += 8;
    while (count >= 6) {
      count -= 6;
      *to++ = kAlphabet[(bits >> count) & 63U];
    }
  }
  if (count > 0) {
    *to = kAlphabet[(bits << (6 - count)) & 63U];
  }
}

std::string to_base64url(std::string_view bytes) {
  std::string text;
  append_base64url(text, bytes);
  return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
  if (text.size() % 4 == 1) {
    return std::nullopt;
  }
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char letter : text) {
    const std::int8_t digit = kDigits[static_cast<unsigned char>(letter)];
    if (digit < 0) {
      return std::nullopt;
    }
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>((bits >> count) & 255U);
    }
  }
  if ((bits & ((1U << count) - 1)) != 0) {
    return std::nullopt;  // one token has one spelling
  }
  return bytes;
}

}  // namespace data_bridge::text
