// A Pydantic model compiled to native code: validates and normalises json values without Python.
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

#include "json/parser.hpp"
#include "json/value.hpp"
#include "json/writer.hpp"
#include "schema/errors.hpp"

namespace data_bridge::schema {

/// How a field's values look in JSON mode, for whoever makes columns of them.
enum class FieldKind : std::uint8_t {
  kInt,     ///< unbounded in Pydantic: json kInt or kBigInt
  kFloat,   ///< json kDouble, possibly NaN or infinite
  kString,  ///< also bytes, Literal and Enum of strings
  kBool,
  kDatetime,  ///< ISO 8601 text as Pydantic writes it: "2024-01-31T10:00:00Z", "...T10:00:00.120000+05:30"
  kDate,      ///< "2024-01-31"
  kTime,      ///< "10:00:00.120000+05:30"
  kDuration,  ///< ISO 8601 text: "-P1DT3.5S"
  kDecimal,   ///< its digits as they were sent: "1.10", "1E+3"
  kUuid,      ///< canonical text: 36 characters, lower case
  kJson,      ///< a nested model, a list, or a mixture of types
};

struct FieldInfo {
  std::string name;                     ///< the Python attribute
  std::string input_key;                ///< its key in a body: the validation alias, or the name
  std::vector<std::string> input_keys;  ///< all it is read by (populate_by_name), the first that is there wins
  std::string output_key;               ///< its key in output: the serialization alias, or the name
  FieldKind kind = FieldKind::kJson;
  bool nullable = false;
  bool required = true;
  /// The default in JSON mode where the field has one; lives as long as the model.
  std::optional<json::Value> default_value;
};

/// Immutable and thread-safe; holds no Python object.
class Model {
 public:
  /// From the text that data_bridge.schema.export_model() writes. The error is for a programmer.
  [[nodiscard]] static std::expected<std::shared_ptr<const Model>, std::string> compile(std::string_view spec);

  /// As `TypeAdapter(Model).validate_python(value, from_attributes=True)`, then JSON mode: the members
  /// are the model's fields in order under their output keys, defaults filled in, datetimes and UUIDs
  /// in canonical form, extra members last where the model allows them. The result can be written: it
  /// holds no lone surrogate. It points into `input`, `arena` and the model. Errors may be is_undecided().
  [[nodiscard]] std::expected<json::Value, Errors> validate(const json::Value& input, json::Arena& arena) const;

  /// `patch`, as a client writes an item, applied to `stored`, an item as validate() made it: by RFC 7396 on what the
  /// members mean, by whichever of its names a field is called, at any depth. The result is for validate(), and what
  /// the patch says nothing of is taken by it as it was stored: it was validated when it came in, and not every value
  /// in JSON mode would be accepted again (an infinity, a default of another type, a pattern before a change of case).
  ///
  /// One addition to RFC 7396: null for a field that can be None sets it to None, instead of removing the member, after
  /// which a default would come back.
  [[nodiscard]] json::Value merge(const json::Value& stored, const json::Value& patch, json::Arena& arena) const;

  /// One field on its own, e.g. a key out of a path (then a string, as FastAPI validates it).
  /// `index` as in fields(). Locations of errors are relative to the field.
  [[nodiscard]] std::expected<json::Value, Errors> validate_field(std::size_t index, const json::Value& input,
                                                                  json::Arena& arena) const;

  /// In the order of the model.
  [[nodiscard]] std::span<const FieldInfo> fields() const noexcept;
  [[nodiscard]] std::optional<std::size_t> field_index(std::string_view name) const noexcept;
  [[nodiscard]] const std::string& name() const noexcept;
  /// True where members that are not fields are kept (extra="allow").
  [[nodiscard]] bool allows_extra() const noexcept;
  /// Whether there are values that only Python can judge.
  [[nodiscard]] bool may_be_undecided() const noexcept;
  /// How the Python that exported the model reads JSON.
  [[nodiscard]] const json::ParseOptions& parse_options() const noexcept;
  /// How the FastAPI and the Pydantic that exported the model write JSON.
  [[nodiscard]] json::Style json_style() const noexcept;
  /// True where the FastAPI that exported the model takes a body of `null` for none.
  [[nodiscard]] bool null_is_missing() const noexcept;
  /// True where it takes a body without a Content-Type for JSON.
  [[nodiscard]] bool untyped_is_json() const noexcept;

  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

 private:
  struct Impl;
  explicit Model(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace data_bridge::schema
