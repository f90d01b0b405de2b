// Sec-WebSocket-Extensions: reading a client's offers, and the answer to them (RFC 6455, 9.1; RFC 7692, 5 and 7.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "websocket/deflate.hpp"

namespace data_bridge::websocket {

struct ExtensionParameter {
  std::string_view name;
  std::optional<std::string_view> value;  ///< unquoted
};

struct ExtensionOffer {
  std::string_view name;
  std::vector<ExtensionParameter> parameters;
};

/// Appends the offers of one field line, views into `field`; nullptr, or what is wrong with it ("expected token"), and
/// `position` where.
[[nodiscard]] const char* read_offers(std::string_view field, std::vector<ExtensionOffer>& out, std::size_t& position);

struct Agreement {
  DeflateParameters parameters;
  std::string field;  ///< the value of our Sec-WebSocket-Extensions
};

/// The first offer of permessage-deflate that this server can keep; a window is 12 bits each way, and less where the
/// client wishes it. nullopt: the connection goes on without.
[[nodiscard]] std::optional<Agreement> agree(const std::vector<ExtensionOffer>& offers);

}  // namespace data_bridge::websocket
