// A write that is done once, however often its request comes.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "crud/idempotency_key.hpp"
#include "crud/operation.hpp"

namespace data_bridge::crud {

/// `write` and the memory of its answer, in one transaction; where something is remembered, that is the answer, and
/// `write` is not done.
[[nodiscard]] std::unique_ptr<PendingWrite> keyed(std::unique_ptr<PendingWrite> write,
                                                  std::shared_ptr<const Resource> resource,
                                                  std::shared_ptr<KeyedRequest> request);

/// keyed() where the request has a `key`. nullptr: `response` says why not, another one is in progress.
[[nodiscard]] std::unique_ptr<PendingWrite> keyed_by(std::optional<std::string> key,
                                                     std::unique_ptr<PendingWrite> write,
                                                     const std::shared_ptr<const Resource>& resource,
                                                     const Request& request, const Scope* scope, Response& response);

/// For callers that work on a create before they write: begins a request that examine() had nothing against. nullptr
/// where it has no key. An error is the answer: the remembered one, or that it is in progress.
[[nodiscard]] std::expected<std::shared_ptr<KeyedRequest>, Response> begin_keyed(const Operation& operation,
                                                                                 const Request& request);

}  // namespace data_bridge::crud
