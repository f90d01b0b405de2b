// Between a model's values and the rows of its table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json/arena.hpp"
#include "json/scalar_text.hpp"
#include "json/value.hpp"
#include "schema/model.hpp"
#include "storage/row.hpp"
#include "storage/table.hpp"

namespace data_bridge::crud {

/// The column for values of a type.
[[nodiscard]] storage::ColumnKind column_kind(schema::FieldKind kind) noexcept;
/// A value of the column's type, or null, as a row has it; nullopt for text that has no UTF-8 form, which can stand
/// only in members that no field describes. `style`: of JSON.
[[nodiscard]] std::optional<storage::Cell> to_cell(const json::Value& value, storage::ColumnKind kind,
                                                   json::Style style);

/// The table of a model: a column for each field, in front of them a key where the model has none, behind them one
/// for the members that are no fields (extra="allow"). Immutable.
class RowCodec {
 public:
  /// `key` names the key. Errors are for a programmer: a key of another type than int, UUID or str.
  [[nodiscard]] static std::expected<RowCodec, std::string> make(std::shared_ptr<const schema::Model> model,
                                                                 std::string_view key, std::string table);

  [[nodiscard]] const storage::Table& table() const noexcept { return table_; }
  [[nodiscard]] storage::Table& table() noexcept { return table_; }
  [[nodiscard]] const schema::Model& model() const noexcept { return *model_; }
  /// The key's place among the model's fields; nullopt where the model has none.
  [[nodiscard]] std::optional<std::size_t> key_field() const noexcept { return key_field_; }
  /// How clients name a column: the input key of its field.
  [[nodiscard]] const std::string& client_name(std::size_t column) const noexcept;
  /// What a column holds; nullptr where it is no field of the model.
  [[nodiscard]] const schema::FieldInfo* field_of(std::size_t column) const noexcept;
  /// The column of a field by its Python name.
  [[nodiscard]] std::optional<std::size_t> column_of(std::string_view field) const noexcept;

  /// Of what Model::validate() made of `input`. An error for an integer that no column can hold.
  [[nodiscard]] std::expected<storage::Row, schema::Error> to_row(const json::Value& value,
                                                                  const json::Value& input) const;

  /// False for a value that the column of the model's `field` has no form for; of what Python validated, for
  /// Model::validate() makes none.
  [[nodiscard]] bool accepts(std::size_t field, const json::Value& value) const noexcept;

  /// What clients see instead of all fields: these columns, in this order and by these names, and behind them the
  /// members that are no fields where `extra`.
  void show_only(std::span<const std::pair<std::size_t, std::string>> shown, bool extra);
  /// The item as clients see it.
  void append_json(std::string& out, storage::RowView row) const;
  /// Only the members of these columns, in this order.
  void append_json(std::string& out, storage::RowView row, std::span<const std::size_t> columns) const;
  /// The columns that append_json() writes, under these names.
  [[nodiscard]] std::optional<std::size_t> column_of_output(std::string_view name) const noexcept;
  [[nodiscard]] std::vector<std::string_view> output_names() const;
  [[nodiscard]] storage::Key key_of(storage::RowView row) const;

  /// A cell of `column` as JSON has it. Copies into `arena`.
  [[nodiscard]] json::Value value_of(std::size_t column, const storage::Cell& cell, json::Arena& arena) const;
  /// The item as Model::validate() made it, for Model::merge(). Copies into `arena`.
  [[nodiscard]] json::Value to_value(storage::RowView row, json::Arena& arena) const;

 private:
  RowCodec() = default;
  void label();
  [[nodiscard]] std::size_t first_field() const noexcept { return key_field_ ? 0 : 1; }
  void append_fields(std::string& out, storage::RowView row) const;
  void append_long_fields(std::string& out, storage::RowView row) const;
  void append_long_value(std::string& out, storage::RowView row, std::size_t column) const;
  [[nodiscard]] static json::Value cell_to_value(const storage::CellView& cell, storage::ColumnKind kind,
                                                 json::Arena& arena);

  std::shared_ptr<const schema::Model> model_;
  storage::Table table_;
  std::optional<std::size_t> key_field_;
  std::optional<std::size_t> extra_column_;
  std::vector<std::string> output_names_;  ///< of each column that is a field
  std::vector<std::size_t> shown_;         ///< the columns that clients see
  bool shows_extra_ = true;                ///< and the members that are no fields
  std::vector<json::FixedText> labels_;    ///< `{"id":`, `,"name":` ... for each of these
  std::size_t fixed_bound_ = 0;            ///< of a row's labels and scalars
};

}  // namespace data_bridge::crud
