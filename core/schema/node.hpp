// One node of a compiled schema: a validator that also brings its value into JSON mode.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "json/merge_patch.hpp"
#include "json/value.hpp"
#include "schema/errors.hpp"
#include "schema/model.hpp"

namespace data_bridge::schema {

/// What one validation carries along.
class State {
 public:
  explicit State(json::Arena& arena) noexcept : arena_(arena) {}

  [[nodiscard]] json::Arena& arena() noexcept { return arena_; }

  /// Records an error; returns false, for the caller to return.
  bool fail(std::string_view type, std::string message, const json::Value& input,
            std::initializer_list<Context> context = {}) {
    if (errors_.size() < kMaxErrors) {
      errors_.push_back({type, {}, std::move(message), input, context});
    }
    return false;
  }

  [[nodiscard]] std::size_t error_count() const noexcept { return errors_.size(); }

  /// More errors are not kept: no need to look for them.
  [[nodiscard]] bool is_full() const noexcept { return errors_.size() == kMaxErrors; }

  /// The errors from number `first` on are none: another one stands for all of them.
  void forget(std::size_t first) { errors_.resize(first); }

  /// Puts `item` in front of the locations of the errors from number `first` on. They are kept
  /// backwards until take_errors(), so that a value without errors pays nothing for its path.
  void locate(std::size_t first, const LocationItem& item) {
    for (std::size_t i = first; i < errors_.size(); ++i) {
      errors_[i].location.push_back(item);
    }
  }

  /// Pydantic accepts `input`, but JSON mode cannot write it. Counts only where there are no other errors,
  /// as it is only then that Pydantic would come to write.
  void cannot_write(std::string_view type, std::string message, const json::Value& input) {
    if (unwritable_.empty()) {
      unwritable_.push_back({type, {}, std::move(message), input, {}});
    }
  }
  [[nodiscard]] bool writable() const noexcept { return unwritable_.empty(); }

  /// What failed, or else what cannot be written.
  [[nodiscard]] Errors take_errors();

  /// Definition references that are open; one more than kMaxReferences is recursion_depth_exceeded (the
  /// recursion guard of pydantic-core: 255 levels).
  std::uint32_t references = 0;
  static constexpr std::uint32_t kMaxReferences = 254;

 private:
  json::Arena& arena_;
  Errors errors_;
  Errors unwritable_;  // at most one
};

class Node {
 public:
  virtual ~Node() = default;

  /// False after state.fail(); else `out` is the value in JSON mode.
  virtual bool validate(const json::Value& input, State& state, json::Value& out) const = 0;

  /// `patch` (as a client writes it) applied to `stored` (in JSON mode), as input for validate(): see Model::merge().
  [[nodiscard]] virtual json::Value merge(const json::Value& stored, const json::Value& patch,
                                          json::Arena& arena) const {
    return json::merge_patch(stored, patch, arena);
  }

  [[nodiscard]] virtual FieldKind kind() const noexcept = 0;
  [[nodiscard]] virtual bool nullable() const noexcept { return false; }
};

using NodePtr = std::unique_ptr<const Node>;

}  // namespace data_bridge::schema
