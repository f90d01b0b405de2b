// One node of a compiled schema: a validator that also brings its value into JSON mode.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "json/merge_patch.hpp"
#include "json/value.hpp"
#include "schema/errors.hpp"
#include "schema/model.hpp"

namespace data_bridge::schema {

/// How near the value that was sent is to the type that took it (pydantic-core, src/validators/validation_state.rs).
enum class Exactness : std::uint8_t {
  kLax,     ///< it was converted
  kStrict,  ///< strict mode would have taken it, too
  kExact,
};

/// By which the members of a union are compared.
struct Match {
  Exactness exactness = Exactness::kExact;
  std::optional<std::size_t> fields_set;  ///< of all models within; nullopt: there was none
};

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

  /// What was found out since a union began with one of its members.
  Match match;
  void floor_exactness(Exactness exactness) noexcept { match.exactness = std::min(match.exactness, exactness); }
  void add_fields_set(std::size_t count) noexcept { match.fields_set = match.fields_set.value_or(0) + count; }

  /// What cannot be written so far, taken out; to be put back where it belongs to the value that counts.
  [[nodiscard]] Errors take_unwritable() noexcept { return std::exchange(unwritable_, {}); }
  void put_back_unwritable(Errors errors) noexcept {
    if (unwritable_.empty()) unwritable_ = std::move(errors);
  }

  /// The value is for Python's validators to judge, whatever else is found out about it.
  void leave_undecided() noexcept { undecided_ = true; }
  [[nodiscard]] bool is_undecided() const noexcept { return undecided_; }

  /// One more member of a union is tried. False where there were so many that nobody means it: members that lead to
  /// themselves are tried 2^depth times, which Pydantic would do for hours.
  [[nodiscard]] bool try_member() noexcept { return ++tried_members_ <= kMaxTriedMembers; }
  static constexpr std::uint32_t kMaxTriedMembers = 100'000;

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
  std::uint32_t tried_members_ = 0;
  bool undecided_ = false;
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
