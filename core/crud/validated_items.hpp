// Writes whose items are validated outside of the core, where a model needs Python.
//
// A request goes through examine(), then its item through the validation outside, then through write(). A patch is
// merged in between by merge_stored(), and written where the item has not changed since.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "crud/operation.hpp"
#include "storage/row.hpp"

namespace data_bridge::crud {

/// What is wrong with a request but for the content of its body: the entries of the 422, separated by commas, "" for
/// none. An error is the answer to a request whose body cannot be read, or has a wrong media type.
[[nodiscard]] std::expected<std::string, Response> examine(const Operation& operation, const Request& request);

/// An item as it was stored when a patch was merged with it.
struct StoredItem {
  storage::Key key;
  storage::Row row;
  std::string merged;                    ///< JSON as Python writes it (NaN, Infinity), by the keys that the model reads
  std::shared_ptr<const Scope> scope{};  ///< of the request
};

/// Merges the body of a request that examine() had nothing against. An error is the answer: there is no such item.
[[nodiscard]] std::expected<StoredItem, Response> merge_stored(const Operation& operation, const Request& request);

/// Creates or replaces. `document`: the item in JSON mode, an object with every field under its output key. Waits until
/// it is durable.
[[nodiscard]] Response write_validated(const Operation& operation, const Request& request, std::string_view document);

/// What write_validated() would answer without asking the store: that the body of a replacement names another item, or
/// that `document` is none. nullopt: nothing.
[[nodiscard]] std::optional<Response> refuse_validated(const Operation& operation, const Request& request,
                                                       std::string_view document);

/// Creates all of the list that the body is, `documents` in its order, or none.
[[nodiscard]] Response write_all_validated(const Operation& operation, const Request& request,
                                           std::span<const std::string_view> documents);

/// Replaces `before`. nullopt: the item has changed since, and nothing was written.
[[nodiscard]] std::optional<Response> write_merged(const Operation& operation, StoredItem before,
                                                   std::string_view document);

/// What write_merged() would answer without asking the store, as refuse_validated().
[[nodiscard]] std::optional<Response> refuse_merged(const Operation& operation, const StoredItem& before,
                                                    std::string_view document);

}  // namespace data_bridge::crud
