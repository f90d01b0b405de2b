// The URL of a slash redirect, as Starlette builds it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace data_bridge::routing {

/// What of a request goes into an absolute URL.
struct UrlParts {
  std::string_view scheme = "http";
  std::string_view path{};  ///< decoded
  std::string_view query{};
  std::optional<std::string_view> host{};  ///< the Host field; ignored where it is not valid
  std::string_view server_host{};          ///< in place of Host; "" where there is none (a Unix socket)
  std::uint16_t server_port = 0;
};

/// True where `host` is what starlette._utils.parse_host_header() takes, with a port below 65536.
[[nodiscard]] bool valid_host(std::string_view host);

/// The host of `field`, brackets included, where starlette._utils.parse_host_header() takes it, with whatever port.
[[nodiscard]] std::optional<std::string_view> host_of(std::string_view field);

/// The netloc of starlette.datastructures.URL(scope=...); "" where it has none.
[[nodiscard]] std::string authority(const UrlParts& parts);

/// The Location that RedirectResponse(URL(scope=...).replace(scheme=..., netloc=...)) sends. The URL has a netloc.
[[nodiscard]] std::string replaced_location(const UrlParts& parts, std::string_view scheme, std::string_view netloc);

/// The Location that starlette.responses.RedirectResponse(URL(scope=...)) sends.
[[nodiscard]] std::string redirect_location(const UrlParts& parts);

}  // namespace data_bridge::routing
