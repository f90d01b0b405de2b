// Only requests for hosts that are ours, as starlette.middleware.trustedhost has it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "middleware/answering_layer.hpp"

namespace data_bridge::middleware {

struct TrustedHostOptions {
  std::vector<std::string> allowed_hosts{};  ///< exact, or "*.example.com"
  bool www_redirect = true;
  enum class Reading : std::uint8_t {
    kBeforeColon,  ///< whatever stands before the first colon (Starlette before 1.7)
    kParsed,       ///< a valid Host field's name, as it is spelled
    kLowerCase,    ///< the same in lower case (1.9)
  };
  Reading reading = Reading::kLowerCase;
};

class TrustedHost final : public AnsweringLayer {
 public:
  explicit TrustedHost(TrustedHostOptions options) : options_(std::move(options)) {}

  [[nodiscard]] Calls calls() const noexcept override { return {.requests = true}; }
  [[nodiscard]] Verdict judge(const http::Request& request) const override;
  [[nodiscard]] OwnAnswer answer(const http::Request& request, const routing::UrlParts& url) const override;

 private:
  enum class Found : std::uint8_t { kNo, kWithoutWww, kYes };
  [[nodiscard]] Found find(const http::Request& request) const;

  TrustedHostOptions options_;
};

}  // namespace data_bridge::middleware
