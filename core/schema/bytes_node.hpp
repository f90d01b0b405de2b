// The validator of bytes, which are text in JSON.
#pragma once

#include <cstddef>
#include <optional>

#include "schema/node.hpp"

namespace data_bridge::schema {

/// Strict: nothing that comes out of JSON is bytes.
class BytesNode final : public Node {
 public:
  BytesNode(bool strict, std::optional<std::size_t> min_length, std::optional<std::size_t> max_length) noexcept
      : strict_(strict), min_length_(min_length), max_length_(max_length) {}
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kString; }

 private:
  bool strict_;
  std::optional<std::size_t> min_length_, max_length_;
};

}  // namespace data_bridge::schema
