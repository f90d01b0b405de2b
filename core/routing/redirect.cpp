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

bool below_65536(std::string_view port) {
  port.remove_prefix(std::min(port.find_first_not_of('0'), port.size()));
  return port.size() < 5 || (port.size() == 5 && port <= "65535");
}

/// A Host field that can be read.
struct HostField {
  std::string_view host;
  std::optional<std::string_view> port;
};

std::optional<HostField> parse_host(std::string_view field) {
  HostField found;
  std::string_view rest;
  if (field.starts_with('[')) {
    const std::size_t close = field.find(']');
    if (close == std::string_view::npos || !valid_literal(field.substr(1, close - 1))) return std::nullopt;
    found.host = field.substr(0, close + 1);
    rest = field.substr(close + 1);
  } else {
    found.host = field.substr(0, field.find(':'));
    if (!valid_name(found.host)) return std::nullopt;
    rest = field.substr(found.host.size());
  }
  if (rest.empty()) return found;
  if (!rest.starts_with(':') || !all_of(rest.substr(1), text::is_digit)) return std::nullopt;
  found.port = rest.substr(1);
  return found;
}

void append_path(std::string& url, std::string_view path) {
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
}

std::string as_location(std::string_view url) {
  std::string location;
  location.reserve(url.size());
  text::append_uri(location, url);
  return location;
}

}  // namespace

std::string authority(const UrlParts& parts) {
  if (parts.host && valid_host(*parts.host)) return std::string(*parts.host);
  if (parts.server_host.empty()) return {};
  const bool bare_ipv6 = parts.server_host.find(':') != std::string_view::npos && !parts.server_host.starts_with('[');
  std::string host;
  if (bare_ipv6) host += '[';
  host += parts.server_host;
  if (bare_ipv6) host += ']';
  const std::uint16_t default_port = parts.scheme == "https" || parts.scheme == "wss" ? 443 : 80;
  if (parts.server_port != default_port) host += ":" + std::to_string(parts.server_port);
  return host;
}

std::optional<std::string_view> host_of(std::string_view field) {
  const std::optional<HostField> found = parse_host(field);
  return found ? std::optional(found->host) : std::nullopt;
}

bool valid_host(std::string_view host) {
  const std::optional<HostField> found = parse_host(host);
  return found && below_65536(found->port.value_or(""));
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
  append_path(url, path);
  if (!parts.query.empty()) url.append("?").append(parts.query);
  return as_location(url);
}

std::string replaced_location(const UrlParts& parts, std::string_view scheme, std::string_view netloc) {
  std::string url;
  url.append(scheme).append("://").append(netloc);
  if (!parts.path.empty() && !parts.path.starts_with('/')) url += '/';
  append_path(url, parts.path);
  if (!parts.query.empty()) url.append("?").append(parts.query);
  // urlsplit() takes them out, as browsers do.
  std::erase_if(url, [](char c) { return c == '\t' || c == '\n' || c == '\r'; });
  return as_location(url);
}

}  // namespace data_bridge::routing
