// What becomes of a request that no route answers: 404, 405 or the redirect to the other slash.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "http/handler.hpp"
#include "routing/redirect.hpp"

namespace data_bridge::routing {

/// No template matches the path.
struct NotFound {};

/// A template matches, its methods do not.
struct MethodNotAllowed {
  std::string allow;  ///< of the first such route
};

/// A template matches the path with one slash more, or without those at its end.
struct SlashRedirect {
  std::string path;  ///< decoded, with the server's root path
};

using Unmatched = std::variant<NotFound, MethodNotAllowed, SlashRedirect>;

/// The answer that Starlette's Router and FastAPI's default handlers give.
class UnmatchedAnswer {
 public:
  /// `url` is what of the request a redirect needs; its path is taken from `unmatched`.
  UnmatchedAnswer(const Unmatched& unmatched, UrlParts url);

  [[nodiscard]] int status() const noexcept { return status_; }
  /// Views into this object.
  [[nodiscard]] std::span<const http::Header> headers() const noexcept { return {headers_.data(), header_count_}; }
  [[nodiscard]] std::string_view body() const noexcept { return body_; }

  UnmatchedAnswer(const UnmatchedAnswer&) = delete;
  UnmatchedAnswer& operator=(const UnmatchedAnswer&) = delete;

 private:
  void add(std::string_view name, std::string_view value) noexcept { headers_[header_count_++] = {name, value}; }

  int status_ = 404;
  std::string_view body_;
  std::string length_;
  std::string value_;
  std::array<http::Header, 3> headers_;
  std::size_t header_count_ = 0;
};

/// Gives UnmatchedAnswers over plain HTTP. Shared by all threads.
class UnmatchedEndpoint {
 public:
  virtual ~UnmatchedEndpoint() = default;
  /// By default no answer waits for a body that nobody wants.
  [[nodiscard]] virtual http::BodyMode body_mode() const noexcept { return http::BodyMode::kStream; }
  virtual void serve(http::Exchange& exchange, const Unmatched& unmatched);
};

}  // namespace data_bridge::routing
