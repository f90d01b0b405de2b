// The fields that lists can be filtered and sorted by, under the names that clients use.
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crud/row_codec.hpp"
#include "json/value.hpp"
#include "schema/model.hpp"
#include "storage/query.hpp"

namespace data_bridge::crud {

/// One of them as it is declared; the model of the filters has a field for it, of the type of its values or items.
struct ListFieldOption {
  std::string name{};                  ///< "price", "address.city"
  std::string field{};                 ///< the model's field, "address"
  std::vector<std::string> members{};  ///< the keys inside of it
  bool is_list = false;
};

struct ListField {
  std::string name{};
  storage::Field field{};
  std::size_t validator = 0;  ///< of the model of the filters

  [[nodiscard]] bool has_order() const noexcept { return !field.is_list && field.kind != storage::ColumnKind::kJson; }
};

struct SortOption {
  const ListField* field = nullptr;
  bool descending = false;
};

/// Immutable. It points into itself: it stays where it was made.
class ListFields {
 public:
  /// The fields of `model` are a bool ("isnull"), a str ("text"), then one for each option, in their order. Without a
  /// model there are none. Errors are for a programmer.
  [[nodiscard]] static std::expected<std::unique_ptr<const ListFields>, std::string> make(
      std::shared_ptr<const schema::Model> model, const RowCodec& codec, const std::vector<ListFieldOption>& options);

  [[nodiscard]] const ListField* find(std::string_view name) const noexcept;
  [[nodiscard]] std::vector<std::string_view> names() const;
  [[nodiscard]] std::vector<std::string_view> sortable_names() const;

  /// What a test of `field` by `op` compares with, as a Row would hold it. Locations of errors are relative to the
  /// value.
  [[nodiscard]] std::expected<storage::Cell, schema::Errors> read_value(const ListField& field, storage::Operator op,
                                                                        const json::Value& input,
                                                                        json::Arena& arena) const;

 private:
  ListFields() = default;
  std::shared_ptr<const schema::Model> model_;
  std::vector<ListField> fields_;
  std::map<std::string, const ListField*, std::less<>> by_name_;
};

/// The words of operators in parameters and conditions, for `field`: those that mean something for its values.
[[nodiscard]] std::vector<std::string_view> operators_of(const ListField& field);
[[nodiscard]] bool has_operator(const ListField& field, storage::Operator op) noexcept;
/// nullopt for a word that is none.
[[nodiscard]] std::optional<storage::Operator> operator_of(std::string_view word) noexcept;

}  // namespace data_bridge::crud
