// Validators of tuples and sets.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "schema/node.hpp"

namespace data_bridge::schema {

struct ItemLimits {
  std::optional<std::size_t> min_length, max_length;
  bool fail_fast = false;
};

/// tuple[int, str]. Strict: nothing that comes out of JSON is a tuple.
class FixedTupleNode final : public Node {
 public:
  FixedTupleNode(bool strict, std::vector<NodePtr> items) noexcept : strict_(strict), items_(std::move(items)) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kJson; }

 private:
  bool strict_;
  std::vector<NodePtr> items_;
};

/// tuple[int, ...]. Strict: nothing that comes out of JSON is a tuple.
class TupleNode final : public Node {
 public:
  TupleNode(bool strict, NodePtr item, const ItemLimits& limits) noexcept
      : strict_(strict), item_(std::move(item)), limits_(limits) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kJson; }

 private:
  bool strict_;
  NodePtr item_;
  ItemLimits limits_;
};

/// Of items that are text and equal where their text is, in the order in which they come: Python's own order of such a
/// set is another one in each process. Strict: nothing that comes out of JSON is a set.
class SetNode final : public Node {
 public:
  SetNode(bool strict, bool is_frozen, NodePtr item, const ItemLimits& limits) noexcept
      : strict_(strict), is_frozen_(is_frozen), item_(std::move(item)), limits_(limits) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kJson; }

 private:
  bool strict_;
  bool is_frozen_;
  NodePtr item_;
  ItemLimits limits_;
};

}  // namespace data_bridge::schema
