// The query of a URL as urllib.parse.parse_qsl(query, keep_blank_values=True) reads it.
#include "crud/query_string.hpp"

#include <algorithm>

#include "routing/percent.hpp"

namespace data_bridge::crud {
namespace {

bool is_ascii(char byte) noexcept { return static_cast<unsigned char>(byte) < 0x80; }

// Starlette reads the query as Latin-1, and unquote() decodes each run of ASCII for itself.
std::string decode(std::string_view text) {
  std::string spaced = routing::plus_to_space(text);
  if (std::ranges::all_of(spaced, is_ascii)) {
    return spaced.find('%') == std::string::npos ? spaced : routing::decode_path(spaced);
  }
  std::string decoded;
  for (auto at = spaced.begin(); at != spaced.end();) {
    const auto end = std::find_if_not(at, spaced.end(), is_ascii);
    decoded += routing::decode_path({at, end});
    at = end;
    for (; at != spaced.end() && !is_ascii(*at); ++at) {
      const auto byte = static_cast<unsigned char>(*at);
      decoded += static_cast<char>(0xC0U | (byte >> 6));
      decoded += static_cast<char>(0x80U | (byte & 0x3FU));
    }
  }
  return decoded;
}

}  // namespace

std::vector<QueryParameter> parse_query(std::string_view query) {
  std::vector<QueryParameter> parameters;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view raw = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (raw.empty()) {
      continue;
    }
    const std::size_t equals = std::min(raw.find('='), raw.size());
    parameters.push_back({.raw = raw,
                          .name = decode(raw.substr(0, equals)),
                          .value = decode(raw.substr(std::min(equals + 1, raw.size())))});
  }
  return parameters;
}

}  // namespace data_bridge::crud
