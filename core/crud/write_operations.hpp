// create, replace, update, delete: validated first, then one job in the store's transaction.
#pragma once

#include "crud/operation.hpp"

namespace data_bridge::crud {

class WriteOperation : public Operation {
 public:
  using Operation::Operation;
  /// Not for writes: answers 405.
  [[nodiscard]] std::shared_ptr<PendingRead> begin(const Request& request, storage::Reading reading,
                                                   Response memory = {}) const final;
};

class CreateOperation final : public WriteOperation {
 public:
  using WriteOperation::WriteOperation;
  [[nodiscard]] OperationKind kind() const noexcept override { return OperationKind::kCreate; }
  [[nodiscard]] std::unique_ptr<PendingWrite> prepare(const Request& request, Response& response) const override;
};

class ReplaceOperation final : public WriteOperation {
 public:
  using WriteOperation::WriteOperation;
  [[nodiscard]] OperationKind kind() const noexcept override { return OperationKind::kReplace; }
  [[nodiscard]] std::unique_ptr<PendingWrite> prepare(const Request& request, Response& response) const override;
};

/// JSON Merge Patch (RFC 7396): merged with the stored item, and the result validated, inside the transaction.
class UpdateOperation final : public WriteOperation {
 public:
  using WriteOperation::WriteOperation;
  [[nodiscard]] OperationKind kind() const noexcept override { return OperationKind::kUpdate; }
  [[nodiscard]] std::unique_ptr<PendingWrite> prepare(const Request& request, Response& response) const override;
};

class DeleteOperation final : public WriteOperation {
 public:
  using WriteOperation::WriteOperation;
  [[nodiscard]] OperationKind kind() const noexcept override { return OperationKind::kDelete; }
  [[nodiscard]] std::unique_ptr<PendingWrite> prepare(const Request& request, Response& response) const override;
};

}  // namespace data_bridge::crud
