// What all writes have in common.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "crud/operation.hpp"
#include "crud/resource.hpp"
#include "json/arena.hpp"
#include "json/value.hpp"
#include "storage/row.hpp"
#include "storage/store.hpp"

namespace data_bridge::crud {

/// Bytes of a row that waits for its transaction.
[[nodiscard]] std::size_t memory_of(const storage::Row& row) noexcept;

/// For a request's parsed values, on the thread that validates it; of the latest request of the thread.
[[nodiscard]] json::Arena& request_arena();

/// read_document(); nullopt: `response` says what is wrong with the body.
[[nodiscard]] std::optional<std::optional<json::Value>> take_document(const Resource& resource, const Request& request,
                                                                      std::string_view body, json::Arena& arena,
                                                                      Response& response);

/// Of an item of the collection at `collection_path`, which is as it was sent.
[[nodiscard]] std::string item_path(std::string_view collection_path, const storage::Key& key);

/// The write, confined to `scope`, where its store is open; else nullptr, and `response` says so.
[[nodiscard]] std::unique_ptr<PendingWrite> placed(std::unique_ptr<PendingWrite> write,
                                                   std::shared_ptr<const Scope> scope, Response& response);

/// The answer that shows `row`: its body and its tag. Keeps the status.
void show_item(const Resource& resource, const storage::Row& row, Response& response);

/// The preconditions of a write, kept until its turn. What they are compared with and what is written are of one
/// transaction, so that no other write comes between.
class Guard {
 public:
  explicit Guard(const Preconditions& preconditions)
      : if_match_(preconditions.if_match), if_none_match_(preconditions.if_none_match) {}

  [[nodiscard]] bool is_empty() const noexcept { return if_match_.empty() && if_none_match_.empty(); }
  [[nodiscard]] bool needs_item() const noexcept { return !if_match_.empty(); }
  [[nodiscard]] std::size_t memory() const noexcept { return if_match_.capacity() + if_none_match_.capacity(); }

  /// Of an item that is there: false, with a 412 in `response`, where it may not be written.
  [[nodiscard]] bool admits(std::string_view tag, Response& response) const;
  /// admits() of the item that `key` names, if there is one.
  [[nodiscard]] std::expected<bool, storage::Error> admits(const Resource& resource,
                                                           storage::WriteTransaction& transaction,
                                                           storage::Collection& collection, const storage::Key& key,
                                                           Response& response) const;
  /// 412: what was asked for is not so.
  static void refuse(Response& response);

 private:
  std::string if_match_;
  std::string if_none_match_;
};

/// False, with a 428 in `response`, where the resource wants a precondition and the request has none.
[[nodiscard]] bool has_required_match(const Resource& resource, const Request& request, Response& response);

}  // namespace data_bridge::crud
