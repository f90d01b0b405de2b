// Media types in a Content-Type field, as email.message.Message.get_content_type() reads them: Starlette's way.
#pragma once

#include <string_view>

namespace data_bridge::text {

/// `type/subtype` of a Content-Type, without its parameters, in the client's case; what it is where that is not
/// of this form.
[[nodiscard]] std::string_view media_type(std::string_view content_type) noexcept;

/// As FastAPI decides whether to read a body as JSON: `application/json` and `application/...+json`,
/// in any case and with any parameters.
[[nodiscard]] bool is_json(std::string_view content_type) noexcept;

}  // namespace data_bridge::text
