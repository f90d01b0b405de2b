// Answers of Starlette's response classes, and who gives them where nobody else does.
#include "middleware/answering_layer.hpp"

#include "http/exchange.hpp"
#include "text/percent.hpp"

namespace data_bridge::middleware {

std::vector<http::Header> OwnAnswer::headers() const {
  std::vector<http::Header> views;
  views.reserve(fields.size());
  for (const auto& [name, value] : fields) views.push_back({name, value});
  return views;
}

OwnAnswer OwnAnswer::plain_text(int status, std::string_view text, std::vector<Field> fields) {
  OwnAnswer answer{.status = status, .fields = std::move(fields), .body = std::string(text)};
  answer.fields.emplace_back("content-length", std::to_string(text.size()));
  answer.fields.emplace_back("content-type", "text/plain; charset=utf-8");
  return answer;
}

OwnAnswer OwnAnswer::redirect(std::string location) {
  constexpr int kTemporaryRedirect = 307;
  OwnAnswer answer{.status = kTemporaryRedirect};
  answer.fields.emplace_back("content-length", "0");
  answer.fields.emplace_back("location", std::move(location));
  return answer;
}

bool AnsweringLayer::on_request(http::Exchange& exchange, std::unique_ptr<http::LayerState>& state) {
  const http::Request& request = exchange.request();
  if (judge(request) == Verdict::kPass) {
    state = remember(request);
    return false;
  }
  const std::string path = text::decode_path(request.path);
  const bool has_port = exchange.server_port() != 0;
  const OwnAnswer given = answer(request, {.path = path,
                                           .query = request.query,
                                           .host = request.header("host"),
                                           .server_host = has_port ? exchange.server_host() : std::string_view(),
                                           .server_port = exchange.server_port()});
  exchange.respond(given.status, given.headers(), given.body);
  return true;
}

}  // namespace data_bridge::middleware
