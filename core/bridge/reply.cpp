// Answers from Python's thread: direct calls, or owned copies posted to the connection's thread.
#include "bridge/reply.hpp"

#include <algorithm>

namespace data_bridge::bridge {

OwnedHeaders::OwnedHeaders(std::span<const http::Header> headers) {
  std::size_t size = 0;
  for (const auto& [name, value] : headers) size += name.size() + value.size();
  bytes_.resize(size);
  headers_.reserve(headers.size());
  char* at = bytes_.data();
  auto copy = [&at](std::string_view text) {
    std::ranges::copy(text, at);
    std::string_view view(at, text.size());
    at += text.size();
    return view;
  };
  for (const auto& [name, value] : headers) {
    const std::string_view owned_name = copy(name);
    headers_.push_back({owned_name, copy(value)});
  }
}

void Reply::respond(int status, std::span<const http::Header> headers, std::string_view body) && {
  if (local_) {
    perform([&](http::Exchange& exchange) { exchange.respond(status, headers, body); });
    return;
  }
  std::move(*this).perform([status, headers = OwnedHeaders(headers), body = std::string(body)](
                               http::Exchange& exchange) { exchange.respond(status, headers.view(), body); });
}

void Reply::respond(int status, std::string_view content_type, std::string_view body) && {
  if (local_) {
    perform([&](http::Exchange& exchange) { exchange.respond(status, content_type, body); });
    return;
  }
  std::move(*this).perform([status, content_type = std::string(content_type), body = std::string(body)](
                               http::Exchange& exchange) { exchange.respond(status, content_type, body); });
}

void Reply::abort() const {
  perform([](http::Exchange& exchange) { exchange.abort(); });
}

void Reply::close_connection() const {
  if (local_) {
    exchange_.close_connection_here();
  } else {
    exchange_.close_connection();
  }
}

}  // namespace data_bridge::bridge
