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
  /// Of `input`, which is what the client sent or, with a patch merged into it, what is to be validated.
  FrozenValues(const RowCodec& codec, const std::vector<FrozenField>& fields, const json::Value& input);

  [[nodiscard]] bool is_empty() const noexcept { return values_.empty(); }
  [[nodiscard]] std::size_t memory() const noexcept;

  /// Of a row that is to replace `before`, which gives it its values back, and which it is never older than. What is
  /// not named keeps its value too where `keeps_absent`, for then no other was asked for. False: another value was,
  /// which a 422 in `response` says.
  [[nodiscard]] bool admit(storage::RowView before, storage::Row& row, bool keeps_absent, Response& response) const;
  /// The same of the item that `key` names; true where there is none.
  [[nodiscard]] std::expected<bool, storage::Error> admit(storage::WriteTransaction& transaction,
                                                          storage::Collection& collection, const storage::Key& key,
                                                          storage::Row& row, bool keeps_absent,
                                                          Response& response) const;

 private:
  struct Value {
    FrozenField field;
    bool is_given = false;
    storage::ColumnKind kind = storage::ColumnKind::kText;
    std::string refusal{};  ///< its entry of the 422
  };
  std::vector<Value> values_;
};

}  // namespace data_bridge::crud
