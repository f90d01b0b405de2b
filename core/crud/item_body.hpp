// From the body of a write to the row that it means.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "crud/operation.hpp"
#include "crud/resource.hpp"
#include "json/arena.hpp"
#include "json/value.hpp"
#include "schema/body.hpp"
#include "storage/row.hpp"

namespace data_bridge::crud {

/// A body as FastAPI reads it, before it looks at any parameter. The value points into the body and `arena`; nullopt
/// for an empty body, and for what this FastAPI takes for one.
[[nodiscard]] std::expected<std::optional<json::Value>, schema::Rejection> read_document(const Resource& resource,
                                                                                         std::string_view body,
                                                                                         std::string_view content_type,
                                                                                         json::Arena& arena);

/// What FastAPI says of a body that is not there.
void require_document(const std::optional<json::Value>& document, schema::RequestErrors& errors);

/// The value of a field by the first of its keys that is there; nullptr for none, and where `value` is no object.
[[nodiscard]] const json::Value* find_field(const json::Value& value, const schema::FieldInfo& field);

/// `input` without what clients have no say in.
[[nodiscard]] json::Value without_read_only(const Resource& resource, const json::Value& input, json::Arena& arena);

/// `input`, which is to replace an item, without what clients have no say in or it says nothing of.
[[nodiscard]] json::Value own_part(const Resource& resource, const json::Value& input, json::Arena& arena);

/// Validates a new item, but for what clients have no say in, and makes its row. A key that is absent is left NULL for
/// the store to assign, and an int one whatever the client says; fields that are absent are as `scope` has them.
/// nullopt: `errors` says why, with `index` in its places where the input is an item of a list.
[[nodiscard]] std::optional<storage::Row> read_new(const Resource& resource, const json::Value& input,
                                                   const Scope* scope, json::Arena& arena,
                                                   schema::RequestErrors& errors,
                                                   std::optional<std::int64_t> index = std::nullopt);

/// The same for what replaces the item of `key` (of the path; nullptr where it is none, which `errors` says already).
/// It must not claim to have another key, and gets this one where it names none. `scope` is for what clients have no
/// say in, in case there is no item that gives it that.
[[nodiscard]] std::optional<storage::Row> read_replacement(const Resource& resource, const json::Value& input,
                                                           const storage::Key* key, const Scope* scope,
                                                           json::Arena& arena, schema::RequestErrors& errors);

/// The same for the item of `key` that `patch` has been merged into. What clients do not see and the patch does not
/// name is not validated, and no error shows it.
[[nodiscard]] std::optional<storage::Row> read_merged(const Resource& resource, const json::Value& merged,
                                                      const json::Value& patch, const storage::Key& key,
                                                      json::Arena& arena, schema::RequestErrors& errors);

/// What a PUT lacks where it has to make its item: entries of a 422 about what the item that it replaces would give it,
/// and nobody else has said.
[[nodiscard]] std::string missing_of_new(const Resource& resource, const json::Value& input, const storage::Row& row);

/// The row of a value that has been validated, by the rules for keys of the others; `key`: of an item that is there or
/// of a PUT. `value` is it in JSON mode, as Model::validate() makes it; `input` is
/// what the client sent.
[[nodiscard]] std::optional<storage::Row> to_item_row(const Resource& resource, const json::Value& value,
                                                      const json::Value& input, const storage::Key* key,
                                                      schema::RequestErrors& errors,
                                                      std::optional<std::int64_t> index = std::nullopt);

/// What a patch says: `input` without what clients have no say in or its model does not have.
[[nodiscard]] json::Value own_patch(const Resource& resource, const json::Value& input, json::Arena& arena);

/// Whether only Python can judge what `patch`, an object, makes of an item, whichever that is.
[[nodiscard]] bool is_undecided(const Resource& resource, const json::Value& patch, json::Arena& arena);

/// What is wrong with a patch whichever item it is for. A member that is no object replaces a field's value and can be
/// validated without the item; an object is merged into the value, and null may bring a default back.
void check_patch(const Resource& resource, const json::Value& patch, json::Arena& arena, schema::RequestErrors& errors);

}  // namespace data_bridge::crud
