// The validator of a dict.
#pragma once

#include <cstddef>
#include <optional>

#include "schema/node.hpp"

namespace data_bridge::schema {

struct DictLimits {
  std::optional<std::size_t> min_length, max_length;
  bool fail_fast = false;
  /// Too many members end validation at the first one too many, whatever was wrong before (Pydantic 2.14); else they
  /// are counted behind the last one, where nothing else is wrong.
  bool ends_early = false;
};

/// What the keys of a dict may do that matters to whoever keeps them.
enum class DictKeys : std::uint8_t {
  kText,   ///< any str: as they are, and those without a UTF-8 form are written with U+FFFD in its place
  kAny,    ///< the same, but what has no UTF-8 form cannot be written
  kTyped,  ///< may be changed by their validator, and then be equal
};

class DictNode final : public Node {
 public:
  DictNode(NodePtr key, DictKeys keys, NodePtr value, const DictLimits& limits) noexcept
      : key_(std::move(key)), keys_(keys), value_(std::move(value)), limits_(limits) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  /// A member that the patch does not name is settled.
  [[nodiscard]] json::Value merge(const json::Value& stored, const json::Value& patch,
                                  json::Arena& arena) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kJson; }

 private:
  bool validate_member(const json::Member& member, State& state, json::Member& out) const;
  bool validate_key(const json::Value& input, State& state, json::Value& out) const;

  NodePtr key_;
  DictKeys keys_;
  NodePtr value_;
  DictLimits limits_;
};

}  // namespace data_bridge::schema
