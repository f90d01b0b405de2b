// Validators of Literal and Enum.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schema/node.hpp"

namespace data_bridge::schema {

/// The values to choose from, found by exact type first and then by Python's equality.
class Choices {
 public:
  /// kString, kInt or kBool; they outlive the node.
  explicit Choices(std::vector<json::Value> values) noexcept : values_(std::move(values)) {}

  /// The choice that `input` means, or nullptr.
  [[nodiscard]] const json::Value* find(const json::Value& input) const noexcept;
  [[nodiscard]] FieldKind kind() const noexcept;
  /// Pydantic compares integers as int64: with an integer among the choices, a bigger one is int_parsing_size.
  [[nodiscard]] bool refuses(const json::Value& input) const noexcept;

 private:
  std::vector<json::Value> values_;
};

class LiteralNode final : public Node {
 public:
  /// `expected`: "'a', 'b' or 1", as Pydantic lists the choices.
  LiteralNode(Choices choices, std::string expected) noexcept
      : choices_(std::move(choices)), expected_(std::move(expected)) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return choices_.kind(); }

 private:
  Choices choices_;
  std::string expected_;
};

/// What the values of an Enum are converted from: a plain Enum, one that is also a str, or an int.
enum class EnumBase : std::uint8_t { kPlain, kString, kInt };

class EnumNode final : public Node {
 public:
  /// `strict_class`: the class's name in the error of a strict field, where nothing out of JSON is a member.
  EnumNode(Choices choices, EnumBase base, std::string expected, std::string strict_class) noexcept
      : choices_(std::move(choices)),
        base_(base),
        expected_(std::move(expected)),
        strict_class_(std::move(strict_class)) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return choices_.kind(); }

 private:
  Choices choices_;
  EnumBase base_;
  std::string expected_;
  std::string strict_class_;
};

}  // namespace data_bridge::schema
