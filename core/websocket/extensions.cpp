// Sec-WebSocket-Extensions (RFC 6455, 9.1; RFC 7692, 5 and 7.1).
#include "websocket/extensions.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "text/characters.hpp"

namespace data_bridge::websocket {
namespace {

constexpr std::uint8_t kWindowBits = 12;

bool is_token_character(char c) noexcept {
  return text::is_letter(c) || text::is_digit(c) ||
         std::string_view("-!#$%&'*+.^_`|~").find(c) != std::string_view::npos;
}

/// A reader of one field line; what it cannot read is said by `error`.
class FieldReader {
 public:
  explicit FieldReader(std::string_view field) noexcept : field_(field) {}

  [[nodiscard]] bool at_end() const noexcept { return position_ == field_.size(); }
  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  [[nodiscard]] const char* error() const noexcept { return error_; }

  /// Blanks, then `c`, then blanks; where that is not there only the blanks in front are taken.
  bool skip(char c) noexcept {
    skip_blanks();
    if (at_end() || field_[position_] != c) return false;
    ++position_;
    skip_blanks();
    return true;
  }
  bool token(std::string_view& out) noexcept {
    const std::size_t begin = position_;
    while (!at_end() && is_token_character(field_[position_])) ++position_;
    out = field_.substr(begin, position_ - begin);
    return !out.empty() || fail("expected token");
  }
  /// A token, or one in quotes (RFC 6455, 9.1). Quoting within is not for tokens' characters.
  bool value(std::string_view& out) noexcept {
    if (at_end() || field_[position_] != '"') return token(out);
    const std::size_t begin = position_;
    const std::size_t end = field_.find('"', begin + 1);
    if (end == std::string_view::npos) return fail("expected quoted string");
    out = field_.substr(begin + 1, end - begin - 1);
    if (out.empty() || !std::ranges::all_of(out, is_token_character)) return fail("invalid quoted header content");
    position_ = end + 1;
    return true;
  }
  bool fail(const char* what) noexcept {
    error_ = what;
    return false;
  }

 private:
  void skip_blanks() noexcept {
    while (!at_end() && (field_[position_] == ' ' || field_[position_] == '\t')) ++position_;
  }

  std::string_view field_;
  std::size_t position_ = 0;
  const char* error_ = nullptr;
};

bool read_offer(FieldReader& reader, ExtensionOffer& offer) {
  if (!reader.token(offer.name)) return false;
  while (reader.skip(';')) {
    ExtensionParameter parameter;
    if (!reader.token(parameter.name)) return false;
    if (reader.skip('=') && !reader.value(parameter.value.emplace())) return false;
    offer.parameters.push_back(parameter);
  }
  return true;
}

/// 8 to 15, in decimal and without zeros in front (RFC 7692, 7.1.2).
std::optional<std::uint8_t> window_bits(std::string_view value) noexcept {
  if (value == "8" || value == "9") return static_cast<std::uint8_t>(value[0] - '0');
  if (value.size() == 2 && value[0] == '1' && value[1] >= '0' && value[1] <= '5') {
    return static_cast<std::uint8_t>(10 + value[1] - '0');
  }
  return std::nullopt;
}

/// What one offer asks for; a parameter that is there twice, unknown or has no such value declines it (RFC 7692, 7.1).
struct Wishes {
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  std::optional<std::uint8_t> server_bits;
  std::optional<std::uint8_t> client_bits;
  bool bounds_client = false;  // client_max_window_bits, with a value or without

  bool read(const ExtensionParameter& parameter) noexcept {
    const auto& [name, value] = parameter;
    if (name == "server_no_context_takeover") {
      return !value && !std::exchange(server_no_context_takeover, true);
    }
    if (name == "client_no_context_takeover") {
      return !value && !std::exchange(client_no_context_takeover, true);
    }
    if (name == "server_max_window_bits") {
      if (server_bits || !value) return false;
      server_bits = window_bits(*value);
      return server_bits.has_value();
    }
    if (name == "client_max_window_bits") {
      if (std::exchange(bounds_client, true)) return false;
      if (!value) return true;
      client_bits = window_bits(*value);
      return client_bits.has_value();
    }
    return false;
  }
};

std::optional<Agreement> agree(const ExtensionOffer& offer) {
  Wishes wishes;
  for (const ExtensionParameter& parameter : offer.parameters) {
    if (!wishes.read(parameter)) return std::nullopt;
  }
  Agreement agreement;
  DeflateParameters& parameters = agreement.parameters;
  parameters.server_no_context_takeover = wishes.server_no_context_takeover;
  parameters.client_no_context_takeover = wishes.client_no_context_takeover;
  parameters.server_max_window_bits = std::min(wishes.server_bits.value_or(kWindowBits), kWindowBits);
  if (parameters.server_max_window_bits == 8) return std::nullopt;  // zlib has no raw streams of 8 bits
  if (wishes.bounds_client) {
    parameters.client_max_window_bits = std::min(wishes.client_bits.value_or(kWindowBits), kWindowBits);
  }
  agreement.field = offer.name;
  if (parameters.server_no_context_takeover) agreement.field += "; server_no_context_takeover";
  if (parameters.client_no_context_takeover) agreement.field += "; client_no_context_takeover";
  agreement.field += "; server_max_window_bits=" + std::to_string(parameters.server_max_window_bits);
  if (wishes.bounds_client) {
    agreement.field += "; client_max_window_bits=" + std::to_string(parameters.client_max_window_bits);
  }
  return agreement;
}

}  // namespace

const char* read_offers(std::string_view field, std::vector<ExtensionOffer>& out, std::size_t& position) {
  FieldReader reader(field);
  while (reader.skip(',')) {
  }
  do {
    if (!read_offer(reader, out.emplace_back())) break;
    if (reader.at_end()) return nullptr;
    if (!reader.skip(',')) {
      reader.fail("expected comma");
      break;
    }
    while (reader.skip(',')) {
    }
  } while (!reader.at_end());
  position = reader.position();
  return reader.error();
}

std::optional<Agreement> agree(const std::vector<ExtensionOffer>& offers) {
  for (const ExtensionOffer& offer : offers) {
    if (offer.name != "permessage-deflate") continue;
    if (auto agreement = agree(offer)) return agreement;
  }
  return std::nullopt;
}

}  // namespace data_bridge::websocket
