// A parsed HTTP request: lookup of fields, and the owning copy.
#include "http/request.hpp"

#include <cstring>

#include "http/fields.hpp"

namespace data_bridge::http {
namespace {

/// Copies pieces into one block and gives their new places.
class Packer {
 public:
  explicit Packer(char* to) noexcept : to_(to) {}
  std::string_view copy(std::string_view text) noexcept {
    if (text.empty()) return {};
    std::memcpy(to_, text.data(), text.size());
    const std::string_view copied(to_, text.size());
    to_ += text.size();
    return copied;
  }

 private:
  char* to_;
};

}  // namespace

std::optional<std::string_view> Request::header(std::string_view name) const noexcept {
  return find_field(headers, name);
}

OwnedRequest::OwnedRequest(const Request& request, std::string_view body) : head_(request) {
  std::size_t size = request.method.size() + request.target.size() + request.path.size() + request.query.size() +
                     request.host.size() + body.size();
  for (const Header& field : request.headers) size += field.name.size() + field.value.size();
  bytes_ = std::make_unique_for_overwrite<char[]>(size);
  Packer packer(bytes_.get());
  head_.method = packer.copy(request.method);
  head_.target = packer.copy(request.target);
  head_.path = packer.copy(request.path);
  head_.query = packer.copy(request.query);
  head_.host = packer.copy(request.host);
  headers_.reserve(request.headers.size());
  for (const Header& field : request.headers) {
    const std::string_view name = packer.copy(field.name);
    headers_.push_back({name, packer.copy(field.value)});
  }
  head_.headers = headers_;
  body_ = packer.copy(body);
}

}  // namespace data_bridge::http
