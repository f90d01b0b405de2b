// Absolute URLs from a Host field that is not trusted before it has been read.
#include "routing/redirect.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "text/characters.hpp"
#include "text/percent.hpp"

namespace data_bridge::routing {
namespace {

template <typename Allowed>
bool all_of(std::string_view text, Allowed allowed) {
  return !text.empty() && std::ranges::all_of(text, allowed);
}

bool valid_name(std::string_view host) {
  return all_of(host, [](char c) {
    return text::is_digit(c) || text::is_letter(c) ||
           std::string_view("._~%!$&'()*+,;=-").find(c) != std::string_view::npos;
  });
}

/// What stands between the brackets of an IP literal (RFC 3986, 3.2.2).
bool valid_literal(std::string_view literal) {
  if (literal.starts_with('v')) {
    const std::size_t dot = literal.find('.');
    return dot != std::string_view::npos && all_of(literal.substr(1, dot - 1), text::is_hex_digit) &&
           all_of(literal.substr(dot + 1), [](char c) {
             return text::is_digit(c) || text::is_letter(c) ||
                    std::string_view("._~!$&'()*+,;=:-").find(c) != std::string_view::npos;
           });
  }
  if (!all_of(literal, [](char c) { return text::is_hex_digit(c) || c == ':' || c == '.'; })) return false;
  in6_addr address{};
  return inet_pton(AF_INET6, std::string(literal).c_str(), &address) == 1;
}

bool valid_port(std::string_view port) {
  if (!all_of(port, text::is_digit)) return false;
  port.remove_prefix(std::min(port.find_first_not_of('0'), port.size()));
  return port.size() < 5 || (port.size() == 5 && port <= "65535");
}

std::string authority(const UrlParts& parts) {
  if (parts.host && valid_host(*parts.host)) return std::string(*parts.host);
  if (parts.server_host.empty()) return {};
  const bool bare_ipv6 = parts.server_host.find(':') != std::string_view::npos && !parts.server_host.starts_with('[');
  std::string host;
  if (bare_ipv6) host += '[';
  host += parts.server_host;
  if (bare_ipv6) host += ']';
  const std::uint16_t default_port = parts.scheme == "https" ? 443 : 80;
  if (parts.server_port != default_port) host += ":" + std::to_string(parts.server_port);
  return host;
}

}  // namespace

bool valid_host(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t close = host.find(']');
    if (close == std::string_view::npos || !valid_literal(host.substr(1, close - 1))) return false;
    const std::string_view rest = host.substr(close + 1);
    return rest.empty() || (rest.starts_with(':') && valid_port(rest.substr(1)));
  }
  const std::size_t colon = host.find(':');
  if (!valid_name(host.substr(0, colon))) return false;
  return colon == std::string_view::npos || valid_port(host.substr(colon + 1));
}

std::string redirect_location(const UrlParts& parts) {
  std::string url;
  const std::string netloc = authority(parts);
  if (!netloc.empty()) url.append(parts.scheme).append("://").append(netloc);

  std::string_view path = parts.path;
  if (netloc.empty() && path.starts_with("//")) {
    // Without a host the leading slashes would be read as an authority.
    url += "/%2F";
    path.remove_prefix(2);
  } else if (!netloc.empty() && !path.empty() && !path.starts_with('/')) {
    url += '/';
  }
  for (const char c : path) {
    if (c == '?') {
      url += "%3F";
    } else if (c == '#') {
      url += "%23";
    } else if (c == '\\') {
      url += "%5C";
    } else {
      url += c;
    }
  }
  if (!parts.query.empty()) url.append("?").append(parts.query);

  std::string location;
  location.reserve(url.size());
  text::append_uri(location, url);
  return location;
}

}  // namespace data_bridge::routing
