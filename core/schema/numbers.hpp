// Validators of int, float and bool.
#pragma once

#include <cstdint>
#include <optional>

#include "schema/node.hpp"

namespace data_bridge::schema {

struct IntConstraints {
  std::optional<std::int64_t> multiple_of;  ///< > 0
  // kInt or kBigInt
  std::optional<json::Value> le, lt, ge, gt;
};

class IntNode final : public Node {
 public:
  IntNode(bool strict, const IntConstraints& constraints) noexcept : strict_(strict), constraints_(constraints) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kInt; }

 private:
  bool check(const json::Value& input, State& state, const json::Value& value) const;

  bool strict_;
  IntConstraints constraints_;
};

struct FloatConstraints {
  bool allow_inf_nan = true;
  std::optional<double> multiple_of, le, lt, ge, gt;
};

class FloatNode final : public Node {
 public:
  FloatNode(bool strict, const FloatConstraints& constraints) noexcept : strict_(strict), constraints_(constraints) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kFloat; }

 private:
  bool check(const json::Value& input, State& state, double value) const;

  bool strict_;
  FloatConstraints constraints_;
};

class BoolNode final : public Node {
 public:
  explicit BoolNode(bool strict) noexcept : strict_(strict) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kBool; }

 private:
  bool strict_;
};

/// Pydantic's lax conversion to an integer, for IntNode and enums of integers. False after state.fail().
bool to_int(const json::Value& input, bool strict, State& state, json::Value& out);

}  // namespace data_bridge::schema
