// The opaque token of a page: where the next one begins, and of which query.
#include "crud/cursor.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace data_bridge::crud {
namespace {

// RFC 4648, 5, without padding.
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> kDigits = [] {
  std::array<std::int8_t, 256> digits{};
  digits.fill(-1);
  for (std::size_t at = 0; at < kAlphabet.size(); ++at) {
    digits[static_cast<unsigned char>(kAlphabet[at])] = static_cast<std::int8_t>(at);
  }
  return digits;
}();

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char byte : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(byte);
    count += 8;
    while (count >= 6) {
      count -= 6;
      text += kAlphabet[(bits >> count) & 63U];
    }
  }
  if (count > 0) {
    text += kAlphabet[(bits << (6 - count)) & 63U];
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
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

constexpr std::uint32_t kFnvOffset = 2166136261U;

std::uint32_t fnv1a(std::uint32_t hash, std::string_view bytes) noexcept {
  for (const char byte : bytes) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 16777619U;
  }
  return hash;
}

std::string big_endian(std::uint64_t number, int bytes) {
  std::string text;
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    text += static_cast<char>((number >> shift) & 255U);
  }
  return text;
}

}  // namespace

CursorCodec::CursorCodec(std::string_view query, storage::KeyKind kind)
    : seed_(fnv1a(kFnvOffset, query)), kind_(kind) {}

std::uint32_t CursorCodec::checksum(std::string_view payload) const noexcept { return fnv1a(seed_, payload); }

std::string CursorCodec::encode(const storage::Key& last) const {
  const auto* number = std::get_if<std::int64_t>(&last);
  const std::string payload =
      number != nullptr ? big_endian(static_cast<std::uint64_t>(*number), 8) : std::get<std::string>(last);
  return to_base64(big_endian(checksum(payload), 4) + payload);
}

std::optional<storage::Key> CursorCodec::decode(std::string_view cursor) const {
  const auto bytes = from_base64(cursor);
  if (!bytes || bytes->size() < 4) {
    return std::nullopt;
  }
  std::string payload = bytes->substr(4);
  if (bytes->substr(0, 4) != big_endian(checksum(payload), 4)) {
    return std::nullopt;
  }
  if (kind_ != storage::KeyKind::kInt) {
    return payload;
  }
  if (payload.size() != 8) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  for (const char byte : payload) {
    number = (number << 8) | static_cast<unsigned char>(byte);
  }
  return static_cast<std::int64_t>(number);
}

}  // namespace data_bridge::crud
