// Middleware that answers some requests itself, in the application's place.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/layer.hpp"
#include "http/request.hpp"
#include "routing/redirect.hpp"

namespace data_bridge::middleware {

/// A field that owns its bytes.
using Field = std::pair<std::string, std::string>;

/// Owns its bytes.
struct OwnAnswer {
  int status = 200;
  std::vector<Field> fields{};  ///< content-length among them
  std::string body{};

  /// Views of this object.
  [[nodiscard]] std::vector<http::Header> headers() const;

  /// starlette.responses.PlainTextResponse(text, status, fields).
  static OwnAnswer plain_text(int status, std::string_view text, std::vector<Field> fields = {});
  /// starlette.responses.RedirectResponse of a finished Location, with 307.
  static OwnAnswer redirect(std::string location);
};

/// Shared by all threads. Who answers when, and with what of a URL that only the server knows, is for whoever puts it
/// into a pipeline: on its own it answers at once.
class AnsweringLayer : public http::Layer {
 public:
  enum class Verdict : std::uint8_t {
    kPass,    ///< somebody further in answers
    kAnswer,  ///< answer() has it
    kUnsure,  ///< that depends on what a proxy says, if it may
  };
  [[nodiscard]] virtual Verdict judge(const http::Request& request) const = 0;
  /// Of a request that it answers. `url`: the parts of the request's URL.
  [[nodiscard]] virtual OwnAnswer answer(const http::Request& request, const routing::UrlParts& url) const = 0;

  [[nodiscard]] bool answers(const http::Request& request) const final { return judge(request) != Verdict::kPass; }
  [[nodiscard]] bool on_request(http::Exchange& exchange, std::unique_ptr<http::LayerState>& state) final;
  /// What it has to know about a request that passes, for its answer.
  [[nodiscard]] virtual std::unique_ptr<http::LayerState> remember(const http::Request& /*request*/) const {
    return nullptr;
  }
};

}  // namespace data_bridge::middleware
