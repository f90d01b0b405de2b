// The two fields by which client and server know that both speak WebSocket (RFC 6455, 4.2).
#include "websocket/handshake.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "text/characters.hpp"
#include "websocket/sha1.hpp"

namespace data_bridge::websocket {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string to_base64(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8U | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += i + j > bytes.size() ? '=' : kAlphabet[(group >> (6 * (3 - j))) & 0x3fU];
    }
  }
  return text;
}

}  // namespace

bool is_key(std::string_view key) noexcept {
  if (key.size() != 24 || !key.ends_with("==")) return false;
  return std::ranges::all_of(key.substr(0, 22),
                             [](char c) { return text::is_letter(c) || text::is_digit(c) || c == '+' || c == '/'; });
}

std::string accept_key(std::string_view key) {
  const std::array<char, 20> digest = sha1(std::string(key).append(kGuid));
  return to_base64({digest.data(), digest.size()});
}

}  // namespace data_bridge::websocket
