// Validators of unions: smart, from left to right, and by a tag.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/node.hpp"
#include "schema/python_text.hpp"

namespace data_bridge::schema {

/// One of several types. `label`: what stands for it in the locations of errors; Pydantic's name of the type, or a tag.
struct UnionMember {
  std::string label;
  NodePtr node;
};

/// What may be a mixture of types has a column of JSON, in which there may be nothing.
class AnyUnionNode : public Node {
 public:
  [[nodiscard]] FieldKind kind() const noexcept final { return FieldKind::kJson; }
  [[nodiscard]] bool nullable() const noexcept final { return true; }
};

/// The member that fits best: of models the one that sets most fields, else the one that needs no conversion, else the
/// first.
class SmartUnionNode final : public AnyUnionNode {
 public:
  explicit SmartUnionNode(std::vector<UnionMember> members) noexcept : members_(std::move(members)) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;

 private:
  std::vector<UnionMember> members_;
};

/// The first member that takes the value.
class OrderedUnionNode final : public AnyUnionNode {
 public:
  explicit OrderedUnionNode(std::vector<UnionMember> members) noexcept : members_(std::move(members)) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;

 private:
  std::vector<UnionMember> members_;
};

/// Where the tag is looked for, and Pydantic's own words about it.
struct Discriminator {
  std::vector<std::string> keys;  ///< the first that is there
  std::string text;               ///< in `ctx`: "'kind'"
  std::string not_found;          ///< the message where there is none
  std::string expected_tags;      ///< "'cat', 'dog'"
};

/// The member that a tag in the value names.
class TaggedUnionNode final : public AnyUnionNode {
 public:
  /// `texts` must outlive the node.
  TaggedUnionNode(Discriminator discriminator, std::vector<UnionMember> members, const PythonTexts& texts) noexcept
      : discriminator_(std::move(discriminator)), members_(std::move(members)), texts_(texts) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;

 private:
  Discriminator discriminator_;
  std::vector<UnionMember> members_;
  const PythonTexts& texts_;
};

}  // namespace data_bridge::schema
