// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the name of a request that may be sent again.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "crud/operation.hpp"
#include "crud/resource.hpp"
#include "crud/scope.hpp"
#include "schema/body.hpp"

namespace data_bridge::crud {

/// In characters.
constexpr std::size_t kMaxIdempotencyKey = 255;

/// The key of a request; nullopt where it has none, and where the field is not right, which `errors` then says.
[[nodiscard]] std::optional<std::string> read_idempotency_key(const Request& request, schema::RequestErrors& errors);

/// A request with a key, while this process works on it.
class KeyedRequest {
 public:
  /// An error is the answer: another request with the key is in progress, or the store is not open.
  [[nodiscard]] static std::expected<std::shared_ptr<KeyedRequest>, Response> begin(
      std::shared_ptr<const Resource> resource, const Request& request, const Scope* scope, std::string key);
  ~KeyedRequest() { end(); }
  KeyedRequest(const KeyedRequest&) = delete;
  KeyedRequest& operator=(const KeyedRequest&) = delete;

  /// Others with the key may begin. Before anybody hears of the outcome: a client may ask again at once.
  void end() noexcept;

  /// What is remembered is found by it: the table, the path, the scope and the key. In full and not as a hash, so that
  /// nobody can find a name that leads to what another tenant was answered.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Differs for other bodies.
  [[nodiscard]] const std::string& fingerprint() const noexcept { return fingerprint_; }
  [[nodiscard]] const Resource::Place& place() const noexcept { return place_; }
  /// 422: the key belongs to another request.
  void refuse(Response& response) const;

 private:
  KeyedRequest(std::shared_ptr<const Resource> resource, const Resource::Place& place, std::string name,
               std::string fingerprint, std::string key)
      : resource_(std::move(resource)),
        place_(place),
        name_(std::move(name)),
        fingerprint_(std::move(fingerprint)),
        key_(std::move(key)) {}

  const std::shared_ptr<const Resource> resource_;  // keeps the place
  const Resource::Place& place_;
  const std::string name_;
  const std::string fingerprint_;
  const std::string key_;
  bool is_held_ = true;
};

}  // namespace data_bridge::crud
