// Header fields on their way from one thread to another.
#pragma once

#include <span>
#include <vector>

#include "http/request.hpp"

namespace data_bridge::bridge {

/// Header fields that own their bytes, in one block.
class OwnedHeaders {
 public:
  OwnedHeaders() = default;
  explicit OwnedHeaders(std::span<const http::Header> headers);
  OwnedHeaders(OwnedHeaders&&) noexcept = default;
  OwnedHeaders& operator=(OwnedHeaders&&) noexcept = default;

  [[nodiscard]] std::span<const http::Header> view() const noexcept { return headers_; }

 private:
  std::vector<char> bytes_;  // not std::string: its small buffer moves with it, and the views would not
  std::vector<http::Header> headers_;
};

}  // namespace data_bridge::bridge
