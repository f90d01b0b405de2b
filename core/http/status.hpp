// Status codes and their reason phrases.
#pragma once

#include <string_view>

namespace data_bridge::http {

/// The phrase of Python's http.HTTPStatus, "" where it has none. `legacy`: those of Python before 3.13, which
/// renamed 413, 414, 416 and 422 after RFC 9110.
[[nodiscard]] std::string_view reason_phrase(int status, bool legacy = false) noexcept;

/// A status that ends the wait for an answer (RFC 9110, 15.2: 1xx does not).
[[nodiscard]] constexpr bool is_final(int status) noexcept { return status >= 200 && status < 600; }

/// RFC 9110, 15.3.5 and 15.4.5, and 1xx: an answer that never has a body.
[[nodiscard]] constexpr bool is_bodiless(int status) noexcept { return status < 200 || status == 204 || status == 304; }

}  // namespace data_bridge::http
