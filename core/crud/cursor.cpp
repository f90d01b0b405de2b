// The opaque token of a page: where the next one begins, and of which query.
#include "crud/cursor.hpp"

#include <cstdint>

#include "text/base64.hpp"

namespace data_bridge::crud {
namespace {

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
  return text::to_base64url(big_endian(checksum(payload), 4) + payload);
}

std::optional<storage::Key> CursorCodec::decode(std::string_view cursor) const {
  const auto bytes = text::from_base64url(cursor);
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
