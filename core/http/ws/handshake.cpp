// The opening handshake (RFC 6455, 4.2).
#include "http/ws/handshake.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "http/fields.hpp"
#include "text/characters.hpp"
#include "websocket/handshake.hpp"

namespace data_bridge::http::ws {
namespace {

constexpr std::string_view kVersion = "13";

struct Found {
  std::string_view value;
  std::size_t count = 0;
};

Found find(const Request& request, std::string_view name) noexcept {
  Found found;
  for (const Header& field : request.headers) {
    if (!text::equals_ignoring_case(field.name, name)) continue;
    if (found.count++ == 0) found.value = field.value;
  }
  return found;
}

BadHandshake invalid(std::string_view name, std::string_view value) {
  std::string what(value.empty() ? "empty " : "invalid ");
  what.append(name).append(" header");
  if (!value.empty()) what.append(": ").append(value);
  return {.status = 400, .what = std::move(what)};
}

/// A field that must be there once.
std::optional<BadHandshake> read_one(const Request& request, std::string_view name, std::string_view& value) {
  const Found found = find(request, name);
  if (found.count == 0) return BadHandshake{.status = 400, .what = "missing " + std::string(name) + " header"};
  if (found.count > 1) return invalid(name, "multiple values");
  value = found.value;
  return std::nullopt;
}

}  // namespace

bool is_handshake(const Request& request) noexcept {
  if (!request.asks_upgrade) return false;
  return std::ranges::any_of(request.headers, [](const Header& field) {
    return text::equals_ignoring_case(field.name, "upgrade") && has_element(field.value, "websocket");
  });
}

std::expected<Handshake, BadHandshake> read_handshake(const Request& request, bool deflate) {
  if (request.method != "GET") {
    return std::unexpected(
        BadHandshake{.status = 405, .what = "unsupported HTTP method: " + std::string(request.method)});
  }
  std::string_view key;
  if (auto bad = read_one(request, "Sec-WebSocket-Key", key)) return std::unexpected(std::move(*bad));
  if (!websocket::is_key(key)) return std::unexpected(invalid("Sec-WebSocket-Key", key));
  std::string_view version;
  if (auto bad = read_one(request, "Sec-WebSocket-Version", version)) return std::unexpected(std::move(*bad));
  if (version != kVersion) {
    BadHandshake bad = invalid("Sec-WebSocket-Version", version);
    bad.status = 426;  // RFC 6455, 4.2.2
    return std::unexpected(std::move(bad));
  }
  // RFC 6454, 7.3.
  if (find(request, "Origin").count > 1) return std::unexpected(invalid("Origin", "multiple values"));
  // RFC 6455, 4.1: a body is nothing that a handshake has, and it could not be told from frames.
  if (request.has_body()) return std::unexpected(BadHandshake{.status = 400, .what = "unexpected body"});

  Handshake handshake{.accept = websocket::accept_key(key), .deflate = std::nullopt};
  if (!deflate) return handshake;
  std::vector<websocket::ExtensionOffer> offers;
  constexpr std::string_view kExtensions = "Sec-WebSocket-Extensions";
  for (const Header& field : request.headers) {
    if (!text::equals_ignoring_case(field.name, kExtensions)) continue;
    std::size_t position = 0;
    const char* const error = websocket::read_offers(field.value, offers, position);
    if (error == nullptr) continue;
    return std::unexpected(invalid(
        kExtensions, std::string(error) + " at " + std::to_string(position) + " in " + std::string(field.value)));
  }
  handshake.deflate = websocket::agree(offers);
  return handshake;
}

void BadHandshake::answer(Exchange& exchange) const {
  // RFC 9110, 15.5.6 and 15.5.22.
  static constexpr std::array<Header, 1> kAllow{{{"Allow", "GET"}}};
  static constexpr std::array<Header, 2> kUpgrade{{{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", kVersion}}};
  std::span<const Header> headers;
  if (status == 405) headers = kAllow;
  if (status == 426) headers = kUpgrade;
  exchange.refuse_upgrade(status, headers, "Failed to open a WebSocket connection: " + what + ".\n");
}

}  // namespace data_bridge::http::ws
