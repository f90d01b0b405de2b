// For tests: requests that are made of a few fields, and what a layer makes of answers to them.
#pragma once

#include <array>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/layer.hpp"
#include "http/request.hpp"
#include "middleware/answering_layer.hpp"

namespace data_bridge::middleware {

class TestRequest {
 public:
  TestRequest(std::string_view method, std::vector<http::Header> fields) : fields_(std::move(fields)) {
    request_.method = method;
    request_.headers = fields_;
  }
  TestRequest(const TestRequest&) = delete;
  TestRequest& operator=(const TestRequest&) = delete;

  [[nodiscard]] const http::Request& get() const { return request_; }

 private:
  std::vector<http::Header> fields_;
  http::Request request_;
};

inline std::string text_of(std::span<const http::Header> fields) {
  std::string text;
  for (const http::Header& field : fields) text.append(field.name).append(": ").append(field.value).append("\n");
  return text;
}

/// Status, body and fields.
inline std::string text_of(const OwnAnswer& answer) {
  return std::to_string(answer.status) + " " + answer.body + "\n" + text_of(answer.headers());
}

}  // namespace data_bridge::middleware
