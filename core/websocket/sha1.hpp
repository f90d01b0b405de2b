// SHA-1 (FIPS 180-4), for the one place where RFC 6455 asks for it; nothing is kept secret by it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace data_bridge::websocket {

[[nodiscard]] std::array<char, 20> sha1(std::string_view bytes);

}  // namespace data_bridge::websocket
