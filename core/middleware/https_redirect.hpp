// Plain HTTP is sent to HTTPS, as starlette.middleware.httpsredirect does it from 1.7 on.
#pragma once

#include "middleware/answering_layer.hpp"

namespace data_bridge::middleware {

class HttpsRedirect final : public AnsweringLayer {
 public:
  [[nodiscard]] Calls calls() const noexcept override { return {.requests = true}; }
  /// The connection is plain; that the client's is not, only a proxy can say.
  [[nodiscard]] Verdict judge(const http::Request& request) const override {
    return request.header("x-forwarded-proto") ? Verdict::kUnsure : Verdict::kAnswer;
  }
  [[nodiscard]] OwnAnswer answer(const http::Request& request, const routing::UrlParts& url) const override;
};

}  // namespace data_bridge::middleware
