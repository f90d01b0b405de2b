// Validators around other validators: Optional, list, references to definitions.
#pragma once

#include <cstddef>
#include <optional>

#include "schema/node.hpp"

namespace data_bridge::schema {

class NullableNode final : public Node {
 public:
  explicit NullableNode(NodePtr inner) noexcept : inner_(std::move(inner)) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] json::Value merge(const json::Value& stored, const json::Value& patch,
                                  json::Arena& arena) const override {
    return inner_->merge(stored, patch, arena);
  }
  [[nodiscard]] FieldKind kind() const noexcept override { return inner_->kind(); }
  [[nodiscard]] bool nullable() const noexcept override { return true; }

 private:
  NodePtr inner_;
};

class ListNode final : public Node {
 public:
  ListNode(NodePtr item, std::optional<std::size_t> min_length, std::optional<std::size_t> max_length,
           bool fail_fast) noexcept;
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kJson; }

 private:
  NodePtr item_;
  std::optional<std::size_t> min_length_;
  std::optional<std::size_t> max_length_;
  bool fail_fast_;
  bool takes_anything_;
};

/// A model used in several places or within itself. The target belongs to the compiled model.
class ReferenceNode final : public Node {
 public:
  void resolve(const Node* target) noexcept { target_ = target; }
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] json::Value merge(const json::Value& stored, const json::Value& patch,
                                  json::Arena& arena) const override {
    return target_->merge(stored, patch, arena);
  }
  // Asked when every reference is resolved. What is shared and scalar (an Enum) keeps its kind.
  [[nodiscard]] FieldKind kind() const noexcept override { return target_->kind(); }
  [[nodiscard]] bool nullable() const noexcept override { return target_->nullable(); }
  [[nodiscard]] const Node* target() const noexcept { return target_; }

 private:
  const Node* target_ = nullptr;
};

}  // namespace data_bridge::schema
