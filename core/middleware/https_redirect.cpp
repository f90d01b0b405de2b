// The same URL with another scheme.
#include "middleware/https_redirect.hpp"

#include <string>
#include <string_view>

#include "routing/redirect.hpp"
#include "text/characters.hpp"

namespace data_bridge::middleware {
namespace {

/// urllib.parse.SplitResult.hostname and .port of a netloc that has no user.
struct HostAndPort {
  std::string host;
  std::string_view port;
};

HostAndPort split(std::string_view netloc) {
  std::string_view host = netloc;
  std::string_view port;
  if (const std::size_t open = netloc.find('['); open != std::string_view::npos) {
    const std::size_t close = netloc.find(']', open);
    host = netloc.substr(open + 1, close - open - 1);
    const std::string_view rest = netloc.substr(close + 1);
    if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) port = rest.substr(colon + 1);
  } else if (const std::size_t colon = netloc.find(':'); colon != std::string_view::npos) {
    host = netloc.substr(0, colon);
    port = netloc.substr(colon + 1);
  }
  HostAndPort result{.host = std::string(host), .port = port};
  // What stands behind a percent sign counts as the zone of an address, which has a case.
  for (char& c : result.host) {
    if (c == '%') break;
    c = text::to_lower(c);
  }
  return result;
}

bool is_default_port(std::string_view port) {
  port.remove_prefix(std::min(port.find_first_not_of('0'), port.size()));
  return port == "80" || port == "443";
}

}  // namespace

OwnAnswer HttpsRedirect::answer(const http::Request& /*request*/, const routing::UrlParts& url) const {
  const std::string netloc = routing::authority(url);
  if (netloc.empty()) return OwnAnswer::plain_text(400, "Invalid host header");
  const HostAndPort place = split(netloc);
  const std::string_view scheme = url.scheme == "ws" ? "wss" : "https";
  return OwnAnswer::redirect(
      routing::replaced_location(url, scheme, is_default_port(place.port) ? place.host : netloc));
}

}  // namespace data_bridge::middleware
