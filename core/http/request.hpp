// A parsed HTTP request: views, and an owning copy for answers that come later.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace data_bridge::http {

/// A field line (RFC 9110, 5.1). On a request the name is as the client spelled it.
struct Header {
  std::string_view name;
  std::string_view value;
};

enum class Version : std::uint8_t { kHttp10, kHttp11 };

/// The head of a request. Every view points into the buffer the request was parsed from: valid until
/// the call that handed it over returns. OwnedRequest is a copy for later.
struct Request {
  std::string_view method;  ///< a token, case-sensitive
  std::string_view target;  ///< as sent
  std::string_view path;    ///< target without query, still percent-encoded; "*" for OPTIONS *
  std::string_view query;   ///< after the first '?', without it
  std::string_view host;    ///< from Host, or the authority of an absolute target
  Version version = Version::kHttp11;
  bool keep_alive = true;                       ///< what the client asked for
  bool expects_continue = false;                ///< Expect: 100-continue
  bool asks_upgrade = false;                    ///< Upgrade, and named in Connection; not on HTTP/1.0
  bool chunked = false;                         ///< Transfer-Encoding: chunked
  std::optional<std::uint64_t> content_length;  ///< absent where the field is
  std::span<const Header> headers;

  /// The first value of a field, compared without case; nullopt where it is absent.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept;
  [[nodiscard]] bool has_body() const noexcept { return chunked || content_length.value_or(0) != 0; }
};

/// A request that owns its bytes; movable between threads.
class OwnedRequest {
 public:
  /// Copies everything `request` and `body` point to, in one block.
  OwnedRequest(const Request& request, std::string_view body);

  [[nodiscard]] const Request& head() const noexcept { return head_; }
  /// The whole decoded body (in BodyMode::kBuffer), else what had arrived.
  [[nodiscard]] std::string_view body() const noexcept { return body_; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::vector<Header> headers_;
  Request head_;
  std::string_view body_;
};

}  // namespace data_bridge::http
