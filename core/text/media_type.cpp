// Media types in a Content-Type field, as email.message.Message.get_content_type() reads them: Starlette's way.
#include "text/media_type.hpp"

#include <cstddef>

#include "text/characters.hpp"

namespace data_bridge::text {

std::string_view media_type(std::string_view content_type) noexcept {
  // What str.strip() takes of Latin-1, the encoding in which Starlette reads headers.
  static constexpr std::string_view kBlanks = " \t\r\n\v\f\x1C\x1D\x1E\x1F\x85\xA0";
  return trim(content_type.substr(0, content_type.find(';')), [](char c) { return kBlanks.contains(c); });
}

bool is_json(std::string_view content_type) noexcept {
  const std::string_view type = media_type(content_type);
  const std::size_t slash = type.find('/');
  if (slash == std::string_view::npos || type.find('/', slash + 1) != std::string_view::npos) return false;
  constexpr std::string_view kSuffix = "+json";
  const std::string_view subtype = type.substr(slash + 1);
  return equals_lower(type.substr(0, slash), "application") &&
         (equals_lower(subtype, "json") ||
          (subtype.size() >= kSuffix.size() && equals_lower(subtype.substr(subtype.size() - kSuffix.size()), kSuffix)));
}

}  // namespace data_bridge::text
