// list and get: from the store's rows straight into the answer's bytes.
#pragma once

#include "crud/operation.hpp"

namespace data_bridge::crud {

class ReadOperation : public Operation {
 public:
  using Operation::Operation;
  /// Not for reads: answers 405.
  [[nodiscard]] std::unique_ptr<PendingWrite> prepare(const Request& request, Response& response) const final;
};

class ListOperation final : public ReadOperation {
 public:
  using ReadOperation::ReadOperation;
  [[nodiscard]] OperationKind kind() const noexcept override { return OperationKind::kList; }
  [[nodiscard]] std::shared_ptr<PendingRead> begin(const Request& request, storage::Reading reading,
                                                   Response memory = {}) const override;
};

class GetOperation final : public ReadOperation {
 public:
  using ReadOperation::ReadOperation;
  [[nodiscard]] OperationKind kind() const noexcept override { return OperationKind::kGet; }
  [[nodiscard]] std::shared_ptr<PendingRead> begin(const Request& request, storage::Reading reading,
                                                   Response memory = {}) const override;
};

}  // namespace data_bridge::crud
