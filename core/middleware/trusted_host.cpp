// Compares the Host field with patterns.
#include "middleware/trusted_host.hpp"

#include <optional>

#include "routing/redirect.hpp"
#include "text/latin1.hpp"

namespace data_bridge::middleware {
namespace {

constexpr std::string_view kWww = "www.";

std::optional<std::string> read_host(std::optional<std::string_view> field, TrustedHostOptions::Reading reading) {
  if (reading == TrustedHostOptions::Reading::kBeforeColon) {
    return std::string(field.value_or("").substr(0, field.value_or("").find(':')));
  }
  const std::optional<std::string_view> host = field ? routing::host_of(*field) : std::nullopt;
  if (!host) return std::nullopt;
  return reading == TrustedHostOptions::Reading::kLowerCase ? text::latin1_lower(*host) : std::string(*host);
}

bool matches(std::string_view pattern, std::string_view host) {
  return host == pattern || (pattern.starts_with('*') && host.ends_with(pattern.substr(1)));
}

}  // namespace

TrustedHost::Found TrustedHost::find(const http::Request& request) const {
  const std::optional<std::string> host = read_host(request.header("host"), options_.reading);
  if (!host) return Found::kNo;
  Found found = Found::kNo;
  for (const std::string_view pattern : options_.allowed_hosts) {
    if (matches(pattern, *host)) return Found::kYes;
    if (pattern.starts_with(kWww) && pattern.substr(kWww.size()) == *host) found = Found::kWithoutWww;
  }
  return found;
}

AnsweringLayer::Verdict TrustedHost::judge(const http::Request& request) const {
  return find(request) == Found::kYes ? Verdict::kPass : Verdict::kAnswer;
}

OwnAnswer TrustedHost::answer(const http::Request& request, const routing::UrlParts& url) const {
  if (options_.www_redirect && find(request) == Found::kWithoutWww) {
    return OwnAnswer::redirect(
        routing::replaced_location(url, url.scheme, std::string(kWww) + routing::authority(url)));
  }
  return OwnAnswer::plain_text(400, "Invalid host header");
}

}  // namespace data_bridge::middleware
