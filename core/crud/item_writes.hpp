// Items on their way to the store: the jobs that insert or replace one, whoever has validated it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crud/operation.hpp"
#include "crud/write_support.hpp"
#include "storage/row.hpp"

namespace data_bridge::crud {

/// All of a list, or none.
class CreateManyWrite final : public PendingWrite {
 public:
  CreateManyWrite(std::shared_ptr<const Resource> resource, std::vector<storage::Row> rows)
      : PendingWrite(std::move(resource)), rows_(std::move(rows)) {}
  [[nodiscard]] std::size_t memory() const noexcept override;
  [[nodiscard]] bool has_steps() const noexcept override { return true; }
  [[nodiscard]] storage::Status execute(storage::WriteTransaction& transaction) override;

 private:
  std::vector<storage::Row> rows_;
};

class CreateWrite final : public PendingWrite {
 public:
  /// `path`: of the collection, for Location.
  CreateWrite(std::shared_ptr<const Resource> resource, storage::Row row, std::string_view path)
      : PendingWrite(std::move(resource)), row_(std::move(row)), path_(path) {}
  [[nodiscard]] std::size_t memory() const noexcept override;
  [[nodiscard]] storage::Status execute(storage::WriteTransaction& transaction) override;

 private:
  storage::Row row_;
  const std::string path_;
};

/// Creates the item where there is none and the request and the resource allow it.
class ReplaceWrite final : public PendingWrite {
 public:
  /// `input`: the body, of which the read-only fields count that it has. `missing`: entries of the 422 where there is
  /// no item yet, which would give the new one what it lacks.
  ReplaceWrite(std::shared_ptr<const Resource> resource, storage::Key key, storage::Row row, const json::Value& input,
               const Request& request, std::string missing = {})
      : PendingWrite(std::move(resource)),
        key_(std::move(key)),
        row_(std::move(row)),
        frozen_(FrozenValues::of_replacement(resource_->codec(), resource_->frozen_fields(), input)),
        guard_(request.preconditions),
        path_(request.path),
        missing_(std::move(missing)) {}
  [[nodiscard]] std::size_t memory() const noexcept override;
  [[nodiscard]] storage::Status execute(storage::WriteTransaction& transaction) override;

 private:
  [[nodiscard]] storage::Status create(storage::WriteTransaction& transaction);

  const storage::Key key_;
  storage::Row row_;
  const FrozenValues frozen_;
  const Guard guard_;
  const std::string path_;
  const std::string missing_;
};

/// True for JSON and for JSON Merge Patch.
[[nodiscard]] bool is_merge_patch(std::string_view content_type);
/// 415 to a patch of another media type.
void refuse_media_type(Response& response);

}  // namespace data_bridge::crud
