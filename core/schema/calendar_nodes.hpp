// Validators of date, time and timedelta.
#pragma once

#include <string>

#include "schema/bounds.hpp"
#include "schema/duration.hpp"
#include "schema/node.hpp"
#include "schema/now_rule.hpp"

namespace data_bridge::schema {

/// Strict: nothing that comes out of JSON is a date.
class DateNode final : public Node {
 public:
  /// `bounds`: their ISO text, which sorts as dates do.
  DateNode(bool strict, bool exponents, Bounds<std::string> bounds, NowRule now) noexcept
      : strict_(strict), exponents_(exponents), bounds_(std::move(bounds)), now_(now) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kDate; }

 private:
  bool strict_;
  bool exponents_;
  Bounds<std::string> bounds_;
  NowRule now_;
};

/// Strict: nothing that comes out of JSON is a time.
class TimeNode final : public Node {
 public:
  explicit TimeNode(bool strict) noexcept : strict_(strict) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kTime; }

 private:
  bool strict_;
};

/// Strict: nothing that comes out of JSON is a timedelta.
class DurationNode final : public Node {
 public:
  DurationNode(bool strict, Bounds<Duration> bounds) noexcept : strict_(strict), bounds_(std::move(bounds)) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kDuration; }

 private:
  bool strict_;
  Bounds<Duration> bounds_;
};

}  // namespace data_bridge::schema
