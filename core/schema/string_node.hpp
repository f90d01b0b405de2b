// The validator of str.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "schema/node.hpp"
#include "schema/pattern.hpp"

namespace data_bridge::schema {

enum class CaseChange : std::uint8_t { kNone, kLower, kUpper };

struct StringConstraints {
  bool strip_whitespace = false;
  CaseChange case_change = CaseChange::kNone;
  // In code points.
  std::optional<std::size_t> min_length, max_length;
  std::string pattern_text;  ///< as in the model: it appears in messages
  std::optional<Pattern> pattern;
};

/// Lax and strict are the same for values out of JSON: only a string is a string.
class StringNode final : public Node {
 public:
  explicit StringNode(StringConstraints constraints) noexcept;
  bool validate(const json::Value& input, State& state, json::Value& out) const override;
  [[nodiscard]] FieldKind kind() const noexcept override { return FieldKind::kString; }
  /// Every text is taken, and as it is.
  [[nodiscard]] bool is_plain() const noexcept { return plain_; }

 private:
  StringConstraints constraints_;
  bool plain_;
};

}  // namespace data_bridge::schema
