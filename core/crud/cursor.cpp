// The opaque token of a page: where the next one begins, and of which query.
#include "crud/cursor.hpp"

#include <array>
#include <bit>

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

void append_big_endian(std::string& out, std::uint64_t number, int bytes) {
  std::array<char, sizeof number> text{};
  for (int at = bytes; at-- != 0; number >>= 8) text[static_cast<std::size_t>(at)] = static_cast<char>(number & 255U);
  out.append(text.data(), static_cast<std::size_t>(bytes));
}

// Takes from the front of `bytes`; nullopt where it has fewer.
std::optional<std::uint64_t> take_big_endian(std::string_view& bytes, std::size_t count) noexcept {
  if (bytes.size() < count) return std::nullopt;
  std::uint64_t number = 0;
  for (const char byte : bytes.substr(0, count)) {
    number = (number << 8) | static_cast<unsigned char>(byte);
  }
  bytes.remove_prefix(count);
  return number;
}

std::optional<storage::Cell> take_cell(std::string_view& bytes) {
  if (bytes.empty()) return std::nullopt;
  const char type = bytes.front();
  bytes.remove_prefix(1);
  if (type == 'n') return storage::Cell();
  const auto number = take_big_endian(bytes, type == 't' ? 4 : 8);
  if (!number) return std::nullopt;
  if (type == 'i') return storage::Cell(static_cast<std::int64_t>(*number));
  if (type == 'r') return storage::Cell(std::bit_cast<double>(*number));
  if (type != 't' || bytes.size() < *number) return std::nullopt;
  storage::Cell text(std::string(bytes.substr(0, *number)));
  bytes.remove_prefix(*number);
  return text;
}

}  // namespace

void append_binary(std::string& out, const storage::Cell& cell) {
  if (const auto* number = std::get_if<std::int64_t>(&cell)) {
    out += 'i';
    append_big_endian(out, static_cast<std::uint64_t>(*number), 8);
  } else if (const auto* real = std::get_if<double>(&cell)) {
    out += 'r';
    append_big_endian(out, std::bit_cast<std::uint64_t>(*real), 8);
  } else if (const auto* text = std::get_if<std::string>(&cell)) {
    out += 't';
    append_big_endian(out, text->size(), 4);
    out += *text;
  } else {
    out += 'n';
  }
}

std::optional<std::vector<storage::Cell>> read_binary(std::string_view bytes, std::size_t count) {
  std::vector<storage::Cell> cells;
  while (cells.size() < count) {
    auto cell = take_cell(bytes);
    if (!cell) {
      return std::nullopt;
    }
    cells.push_back(std::move(*cell));
  }
  return bytes.empty() ? std::optional(std::move(cells)) : std::nullopt;
}

CursorCodec::CursorCodec(std::string_view query, std::size_t values)
    : seed_(fnv1a(kFnvOffset, query)), values_(values) {}

std::uint32_t CursorCodec::checksum(std::string_view payload) const noexcept { return fnv1a(seed_, payload); }

std::string CursorCodec::encode(const std::vector<storage::Cell>& last) const {
  std::string payload;
  for (const storage::Cell& cell : last) append_binary(payload, cell);
  std::string bytes;
  append_big_endian(bytes, checksum(payload), 4);
  return text::to_base64url(bytes + payload);
}

std::optional<std::vector<storage::Cell>> CursorCodec::decode(std::string_view cursor) const {
  const auto bytes = text::from_base64url(cursor);
  if (!bytes) {
    return std::nullopt;
  }
  std::string_view payload = *bytes;
  const auto sum = take_big_endian(payload, 4);
  if (!sum || *sum != checksum(payload)) {
    return std::nullopt;
  }
  return read_binary(payload, values_);
}

}  // namespace data_bridge::crud
