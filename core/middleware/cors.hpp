// Cross-origin resource sharing, as starlette.middleware.cors has it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "middleware/answering_layer.hpp"
#include "middleware/vary.hpp"

namespace data_bridge::middleware {

struct CorsOptions {
  bool allow_all_origins = false;
  std::vector<std::string> allow_origins{};
  /// Whether all of an Origin is one that an expression allows; none: there is no expression.
  std::function<bool(std::string_view)> matches_origin{};
  std::vector<std::string> allow_methods{};
  bool allow_all_headers = false;
  std::vector<std::string> allow_headers{};  ///< lower case
  /// An allowed origin is repeated in the answer to a preflight.
  bool preflight_explicit_allow_origin = true;
  std::vector<Field> preflight_fields{};  ///< of every answer to a preflight; names in lower case, as all of them
  std::vector<Field> simple_fields{};     ///< of every other answer to a request with an Origin

  enum class PrivateNetwork : std::uint8_t { kUnknown, kRefused, kAllowed };
  PrivateNetwork private_network = PrivateNetwork::kUnknown;  ///< known from Starlette 0.51 on
  /// When an origin is repeated though all are allowed.
  enum class Repeat : std::uint8_t { kNever, kAlways, kWithCookie };
  Repeat repeat_origin = Repeat::kNever;
  bool varies_always = true;  ///< Vary: Origin on answers that are the same for all (1.7)
  VaryMerge vary = VaryMerge::kAll;
};

class Cors final : public AnsweringLayer {
 public:
  explicit Cors(CorsOptions options) : options_(std::move(options)) {}

  [[nodiscard]] Calls calls() const noexcept override { return {.requests = true, .heads = true}; }
  [[nodiscard]] Verdict judge(const http::Request& request) const override;
  [[nodiscard]] OwnAnswer answer(const http::Request& request, const routing::UrlParts& url) const override;
  [[nodiscard]] std::unique_ptr<http::LayerState> remember(const http::Request& request) const override;
  void on_head(http::EditableHead& head, http::LayerState* state) override;

 private:
  [[nodiscard]] bool allows_origin(std::string_view origin) const;
  [[nodiscard]] bool allows_headers(std::string_view requested) const;

  CorsOptions options_;
};

}  // namespace data_bridge::middleware
