// Validators of None, Any, datetime and UUID.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "schema/node.hpp"
#include "schema/now_rule.hpp"
#include "schema/plain_forms.hpp"
#include "text/uuid.hpp"

namespace data_bridge::schema {

class NoneNode final : public Node {
 public:
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kJson; }
  [[nodiscard]] bool nullable() const noexcept override { return true; }
};

/// Tells `state` where JSON mode cannot write what Pydantic accepts: for a lone surrogate anywhere in `input`
/// (that error cannot be written either, so the answer is 500, as where FastAPI fails to serialise) and for
/// nesting beyond kMaxReferences (FastAPI: 500; here recursion_depth_exceeded, as it is the client's doing).
void check_writable(const json::Value& input, State& state);

class AnyNode final : public Node {
 public:
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kJson; }
  [[nodiscard]] bool nullable() const noexcept override { return true; }
};

/// What Python validates: stands for its column, and knows how to merge what is inside. Takes anything.
class OpaqueNode final : public Node {
 public:
  /// `inner`: what a function is put around; nullptr: nothing, and `kind` is that of the column. `plain`: what of the
  /// type needs no function; nullptr: everything is taken.
  OpaqueNode(FieldKind kind, bool nullable, NodePtr inner, std::unique_ptr<const PlainForm> plain) noexcept
      : kind_(kind), nullable_(nullable), inner_(std::move(inner)), plain_(std::move(plain)) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] json::Value merge(const json::Value& stored, const json::Value& patch,
                                  json::Arena& arena) const override {
    return inner_ != nullptr ? inner_->merge(stored, patch, arena) : Node::merge(stored, patch, arena);
  }
  [[nodiscard]] FieldKind kind() const noexcept override { return inner_ != nullptr ? inner_->kind() : kind_; }
  [[nodiscard]] bool nullable() const noexcept override {
    return nullable_ || (inner_ != nullptr && inner_->nullable());
  }
  [[nodiscard]] const Node* inner() const noexcept { return inner_.get(); }

 private:
  FieldKind kind_;
  bool nullable_;
  NodePtr inner_;
  std::unique_ptr<const PlainForm> plain_;
};

/// Which datetimes are taken.
enum class OffsetRule : std::uint8_t { kAny, kAware, kNaive };

/// Strict: nothing that comes out of JSON is a datetime.
class DatetimeNode final : public Node {
 public:
  /// `exponents`: "1.7e9" is a unix time. `mirrored`: the fraction of a number below zero counts upwards.
  DatetimeNode(bool strict, bool exponents, bool mirrored, NowRule now, OffsetRule offset) noexcept
      : strict_(strict), exponents_(exponents), mirrored_(mirrored), now_(now), offset_(offset) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kDatetime; }

 private:
  bool strict_;
  bool exponents_;
  bool mirrored_;
  NowRule now_;
  OffsetRule offset_;
};

/// Strict: nothing that comes out of JSON is a UUID.
class UuidNode final : public Node {
 public:
  /// `version`: the only one allowed (UUID4 ...), if any.
  UuidNode(bool strict, std::optional<std::int64_t> version, text::UuidWords words) noexcept
      : strict_(strict), version_(version), words_(words) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kUuid; }

 private:
  bool strict_;
  std::optional<std::int64_t> version_;
  text::UuidWords words_;
};

}  // namespace data_bridge::schema
