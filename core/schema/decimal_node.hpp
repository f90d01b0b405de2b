// The validator of Decimal.
#pragma once

#include <cstdint>
#include <optional>

#include "schema/bounds.hpp"
#include "schema/decimal.hpp"
#include "schema/node.hpp"

namespace data_bridge::schema {

struct DecimalConstraints {
  std::optional<std::uint64_t> max_digits, decimal_places;
  std::optional<Bound<Decimal>> multiple_of;
  Bounds<Decimal> bounds;
};

/// Finite numbers only. Strict: nothing that comes out of JSON is a Decimal.
class DecimalNode final : public Node {
 public:
  /// `zeros` outlives the node.
  DecimalNode(bool strict, DecimalConstraints constraints, const DigitZeros& zeros) noexcept
      : strict_(strict), constraints_(std::move(constraints)), zeros_(zeros) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kDecimal; }

 private:
  bool check(const Decimal& value, const json::Value& input, State& state) const;
  bool check_digits(const Decimal& value, const json::Value& input, State& state) const;

  bool strict_;
  DecimalConstraints constraints_;
  const DigitZeros& zeros_;
};

}  // namespace data_bridge::schema
