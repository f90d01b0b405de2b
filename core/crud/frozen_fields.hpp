// Fields that are set when an item is made: a later write may repeat their values, and not change them. And those whose
// values are not the client's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crud/response.hpp"
#include "crud/row_codec.hpp"
#include "json/value.hpp"
#include "storage/error.hpp"
#include "storage/row.hpp"
#include "storage/store.hpp"

namespace data_bridge::crud {

/// What makes two values of a field the same, where that is more than their JSON. kAny: the field is not frozen, and
/// only keeps its value where a PUT does not name it, whose client cannot know it or has no say in it. kCreated: the
/// time at which the item was made, whatever is asked for. kUpdated: that of the latest write.
enum class Sameness : std::uint8_t { kJson, kSet, kInstant, kTime, kDuration, kDecimal, kAny, kCreated, kUpdated };

/// nullopt for a word that is none: "json", "set", "instant", "time", "duration", "decimal", "any", "created",
/// "updated".
[[nodiscard]] std::optional<Sameness> sameness_of(std::string_view word) noexcept;

/// One of them as it is declared: its Python name, and a word for sameness_of().
struct FrozenFieldOption {
  std::string field{};
  std::string sameness{};
};

struct FrozenField {
  std::size_t column = 0;
  Sameness sameness = Sameness::kJson;
};

/// Sets the times of a new row that it does not have already.
void stamp(const std::vector<FrozenField>& fields, storage::Row& row);

/// Takes the times out of a row that are those of the write before.
void forget_last(const std::vector<FrozenField>& fields, storage::Row& row) noexcept;

/// What one write says of the frozen fields. Kept until its turn, when the request's own values may be gone.
class FrozenValues {
 public:
  /// Of what replaces an item: `input`, as the client sent it. What that does not name keeps its value.
  [[nodiscard]] static FrozenValues of_replacement(const RowCodec& codec, const std::vector<FrozenField>& fields,
                                                   const json::Value& input);
  /// Of an item that a patch has been merged into, `merged`. What the `patch` does not name keeps its value; nullptr:
  /// each field was validated with the value that it is to have.
  [[nodiscard]] static FrozenValues of_merged(const RowCodec& codec, const std::vector<FrozenField>& fields,
                                              const json::Value& merged, const json::Value* patch = nullptr);

  [[nodiscard]] bool is_empty() const noexcept { return values_.empty(); }
  [[nodiscard]] std::size_t memory() const noexcept;

  /// Of a row that is to replace `before`, which gives it its values back, and which it is never older than. False:
  /// another value was asked for, which a 422 in `response` says.
  [[nodiscard]] bool admit(storage::RowView before, storage::Row& row, Response& response) const;
  /// The same of the item that `key` names; true where there is none.
  [[nodiscard]] std::expected<bool, storage::Error> admit(storage::WriteTransaction& transaction,
                                                          storage::Collection& collection, const storage::Key& key,
                                                          storage::Row& row, Response& response) const;

 private:
  struct Value {
    FrozenField field;
    storage::ColumnKind kind = storage::ColumnKind::kText;
    bool is_compared = false;  ///< another value than before is refused
    bool is_kept = false;      ///< it has the value of before
    std::string refusal{};     ///< its entry of the 422
  };
  FrozenValues() = default;
  void add(const RowCodec& codec, const FrozenField& field, const json::Value* given);
  std::vector<Value> values_;
};

}  // namespace data_bridge::crud
