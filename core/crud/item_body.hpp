// From the body of a write to the row that it means.
#pragma once

#include <optional>

#include "crud/operation.hpp"
#include "crud/resource.hpp"
#include "json/arena.hpp"
#include "json/value.hpp"
#include "storage/row.hpp"

namespace data_bridge::crud {

/// Validates `input` and makes its row. With `key` (of the path) the item must not claim to have another one, and gets
/// it where it names none; without, a key that is absent is left NULL for the store to assign. nullopt: `response`
/// has the 422.
[[nodiscard]] std::optional<storage::Row> read_item(const Resource& resource, const json::Value& input,
                                                    const storage::Key* key, json::Arena& arena, Response& response);

/// The same of a request's body as FastAPI reads it.
[[nodiscard]] std::optional<storage::Row> read_item_body(const Resource& resource, const Request& request,
                                                         const storage::Key* key, Response& response);

/// `patch` applied to `target` (both as a client writes an item) by RFC 7396, with one addition: null for a field that
/// can be None sets it to None instead of removing the member, after which a default would come back.
[[nodiscard]] json::Value patch_item(const schema::Model& model, const json::Value& target, const json::Value& patch,
                                     json::Arena& arena);

}  // namespace data_bridge::crud
