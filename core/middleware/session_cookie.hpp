// Requests with a session of starlette.middleware.sessions, where nothing native can speak for it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "middleware/answering_layer.hpp"

namespace data_bridge::middleware {

/// Whether there may be a cookie of that name. Also true where its characters stand elsewhere in the field, since what
/// a Cookie field means is for Starlette to say.
[[nodiscard]] bool may_have_cookie(const http::Request& request, std::string_view name) noexcept;

/// Compiled routes have a session of their own (bridge/compiled/execution.hpp). Whatever else answers knows nothing of
/// sessions, and an answer may have to renew the cookie: with one, the application is asked.
class SessionCookie final : public AnsweringLayer {
 public:
  /// `further_in`: the layers that may answer in the place of a compiled route.
  SessionCookie(std::string name, std::vector<std::shared_ptr<const AnsweringLayer>> further_in)
      : name_(std::move(name)), compiled_(true), further_in_(std::move(further_in)) {}
  /// Around what is no compiled route.
  explicit SessionCookie(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] Calls calls() const noexcept override { return {.requests = !compiled_ || !further_in_.empty()}; }
  [[nodiscard]] Verdict judge(const http::Request& request) const override;
  /// Never asked for.
  [[nodiscard]] OwnAnswer answer(const http::Request& /*request*/, const routing::UrlParts& /*url*/) const override {
    return {};
  }

 private:
  std::string name_;
  bool compiled_ = false;
  std::vector<std::shared_ptr<const AnsweringLayer>> further_in_;
};

}  // namespace data_bridge::middleware
