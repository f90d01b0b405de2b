// Header fields on their way from one thread to another.
#include "bridge/conversation/owned_headers.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace data_bridge::bridge {

OwnedHeaders::OwnedHeaders(std::span<const http::Header> headers) {
  std::size_t size = 0;
  for (const auto& [name, value] : headers) size += name.size() + value.size();
  bytes_.resize(size);
  headers_.reserve(headers.size());
  char* at = bytes_.data();
  const auto copy = [&at](std::string_view text) {
    std::ranges::copy(text, at);
    const std::string_view view(at, text.size());
    at += text.size();
    return view;
  };
  for (const auto& [name, value] : headers) {
    const std::string_view owned_name = copy(name);
    headers_.push_back({owned_name, copy(value)});
  }
}

}  // namespace data_bridge::bridge
