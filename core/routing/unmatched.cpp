// The bytes of 404, 405 and the slash redirect.
#include "routing/unmatched.hpp"

#include "http/exchange.hpp"

namespace data_bridge::routing {
namespace {

constexpr std::string_view kJson = "application/json";

}  // namespace

UnmatchedAnswer::UnmatchedAnswer(const Unmatched& unmatched, UrlParts url) {
  if (const auto* redirect = std::get_if<SlashRedirect>(&unmatched)) {
    status_ = 307;
    url.path = redirect->path;
    value_ = redirect_location(url);
    add("content-length", "0");
    add("location", value_);
    return;
  }
  body_ = R"({"detail":"Not Found"})";
  if (const auto* refused = std::get_if<MethodNotAllowed>(&unmatched)) {
    status_ = 405;
    body_ = R"({"detail":"Method Not Allowed"})";
    // First, as in every FastAPI answer to an HTTPException with headers.
    value_ = refused->allow;
    add("allow", value_);
  }
  length_ = std::to_string(body_.size());
  add("content-length", length_);
  add("content-type", kJson);
}

void UnmatchedEndpoint::serve(http::Exchange& exchange, const Unmatched& unmatched) {
  const http::Request& request = exchange.request();
  const UnmatchedAnswer answer(
      unmatched, {.query = request.query,
                  .host = request.header("host"),
                  .server_host = exchange.server_port() == 0 ? std::string_view() : exchange.server_host(),
                  .server_port = exchange.server_port()});
  exchange.respond(answer.status(), answer.headers(), answer.body());
}

}  // namespace data_bridge::routing
