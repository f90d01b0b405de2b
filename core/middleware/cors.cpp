// Preflights are answered, other answers get their fields.
#include "middleware/cors.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "text/latin1.hpp"

namespace data_bridge::middleware {
namespace {

constexpr std::string_view kAllowOrigin = "access-control-allow-origin";

struct Origin final : http::LayerState {
  std::string origin;
  bool cookie = false;
};

/// dict[name] = value.
void set(std::vector<Field>& fields, std::string_view name, std::string_view value) {
  const auto found = std::ranges::find(fields, name, &Field::first);
  if (found != fields.end()) {
    found->second = value;
  } else {
    fields.emplace_back(name, value);
  }
}

}  // namespace

bool Cors::allows_origin(std::string_view origin) const {
  if (options_.allow_all_origins || (options_.matches_origin && options_.matches_origin(origin))) return true;
  return std::ranges::find(options_.allow_origins, origin) != options_.allow_origins.end();
}

bool Cors::allows_headers(std::string_view requested) const {
  for (;;) {
    const std::size_t comma = requested.find(',');
    const std::string name = text::latin1_lower(text::latin1_strip(requested.substr(0, comma)));
    if (std::ranges::find(options_.allow_headers, name) == options_.allow_headers.end()) return false;
    if (comma == std::string_view::npos) return true;
    requested.remove_prefix(comma + 1);
  }
}

AnsweringLayer::Verdict Cors::judge(const http::Request& request) const {
  const bool preflight =
      request.method == "OPTIONS" && request.header("origin") && request.header("access-control-request-method");
  return preflight ? Verdict::kAnswer : Verdict::kPass;
}

OwnAnswer Cors::answer(const http::Request& request, const routing::UrlParts& /*url*/) const {
  const std::string_view origin = request.header("origin").value_or("");
  const std::string_view method = request.header("access-control-request-method").value_or("");
  const std::optional<std::string_view> headers = request.header("access-control-request-headers");
  std::vector<Field> fields = options_.preflight_fields;
  std::string failures;
  const auto fail = [&failures](std::string_view what) {
    failures.append(failures.empty() ? "Disallowed CORS " : ", ").append(what);
  };

  if (!allows_origin(origin)) {
    fail("origin");
  } else if (options_.preflight_explicit_allow_origin) {
    set(fields, kAllowOrigin, origin);
  }
  if (std::ranges::find(options_.allow_methods, method) == options_.allow_methods.end()) fail("method");
  if (headers && options_.allow_all_headers) {
    set(fields, "access-control-allow-headers", *headers);
  } else if (headers && !allows_headers(*headers)) {
    fail("headers");
  }
  if (options_.private_network != CorsOptions::PrivateNetwork::kUnknown &&
      request.header("access-control-request-private-network")) {
    if (options_.private_network == CorsOptions::PrivateNetwork::kAllowed) {
      set(fields, "access-control-allow-private-network", "true");
    } else {
      fail("private-network");
    }
  }
  if (!failures.empty()) return OwnAnswer::plain_text(400, failures, std::move(fields));
  return OwnAnswer::plain_text(200, "OK", std::move(fields));
}

std::unique_ptr<http::LayerState> Cors::remember(const http::Request& request) const {
  const std::optional<std::string_view> origin = request.header("origin");
  if (!origin) return nullptr;
  auto state = std::make_unique<Origin>();
  state->origin = *origin;
  state->cookie = options_.repeat_origin == CorsOptions::Repeat::kWithCookie && request.header("cookie");
  return state;
}

void Cors::on_head(http::EditableHead& head, http::LayerState* state) {
  if (state == nullptr) {
    if (options_.varies_always) add_vary(head, "Origin", options_.vary);
    return;
  }
  const auto& asked = static_cast<const Origin&>(*state);
  for (const auto& [name, value] : options_.simple_fields) head.set(name, value);
  const bool explicitly = options_.allow_all_origins
                              ? options_.repeat_origin == CorsOptions::Repeat::kAlways || asked.cookie
                              : allows_origin(asked.origin);
  if (explicitly) head.set(kAllowOrigin, asked.origin);
  if (explicitly || options_.varies_always) add_vary(head, "Origin", options_.vary);
}

}  // namespace data_bridge::middleware
