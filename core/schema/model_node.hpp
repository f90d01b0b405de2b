// The validator of one model: its fields, their aliases and defaults, and what else an object holds.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "schema/default_factory.hpp"
#include "schema/node.hpp"

namespace data_bridge::schema {

enum class Extra : std::uint8_t { kIgnore, kForbid, kAllow };

struct Field {
  std::string name;
  std::vector<std::string> keys;  ///< in the order in which they are tried
  std::string output_key;
  std::string location;  ///< in errors, where loc_by_alias is off; else empty: the key that was found
  NodePtr node;
  bool required = true;
  json::Value default_value;  ///< in JSON mode; null where `factory` makes one
  std::optional<DefaultFactory> factory = {};
};

class ModelNode final : public Node {
 public:
  /// `counts_extra`: members that are no fields count for what fits better in a union.
  ModelNode(std::string name, std::vector<Field> fields, Extra extra, bool counts_extra);
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] json::Value merge(const json::Value& stored, const json::Value& patch,
                                  json::Arena& arena) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kJson; }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::vector<Field>& fields() const noexcept { return fields_; }
  [[nodiscard]] Extra extra() const noexcept { return extra_; }

 private:
  static constexpr std::uint32_t kNoKey = 0xFFFFFFFF;
  static constexpr std::uint32_t kNoMember = 0xFFFFFFFF;

  /// What a patch says of one field.
  struct Change {
    std::uint32_t key = kNoKey;
    std::uint32_t member = kNoMember;  ///< its place in the patch
  };

  [[nodiscard]] std::span<const Change> changes_of(std::span<const json::Member> patch, json::Arena& arena) const;
  [[nodiscard]] std::uint32_t key_number(std::string_view key, std::uint32_t expected) const noexcept;
  [[nodiscard]] const LocationItem& location(const Field& field, std::uint32_t key) const noexcept;

  std::string name_;
  std::vector<Field> fields_;
  Extra extra_;
  bool counts_extra_;
  std::vector<LocationItem> keys_;                 // every key that means a field, once
  std::vector<std::vector<std::uint32_t>> tried_;  // per field: numbers of its keys
  std::vector<LocationItem> fixed_locations_;      // per field: Field::location
  std::unordered_map<std::string_view, std::uint32_t> key_numbers_;
};

}  // namespace data_bridge::schema
