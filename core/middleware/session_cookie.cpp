// Which requests need SessionMiddleware itself.
#include "middleware/session_cookie.hpp"

#include <algorithm>

#include "text/characters.hpp"

namespace data_bridge::middleware {

bool may_have_cookie(const http::Request& request, std::string_view name) noexcept {
  return std::ranges::any_of(request.headers, [name](const http::Header& field) {
    return text::equals_lower(field.name, "cookie") && field.value.find(name) != std::string_view::npos;
  });
}

AnsweringLayer::Verdict SessionCookie::judge(const http::Request& request) const {
  if (!may_have_cookie(request, name_)) return Verdict::kPass;
  const bool answered_further_in = std::ranges::any_of(
      further_in_, [&request](const auto& layer) { return layer->judge(request) != Verdict::kPass; });
  return !compiled_ || answered_further_in ? Verdict::kUnsure : Verdict::kPass;
}

}  // namespace data_bridge::middleware
