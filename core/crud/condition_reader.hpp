// Conditions as clients write them: as parameters of a URL and as JSON.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crud/list_fields.hpp"
#include "json/value.hpp"
#include "schema/errors.hpp"
#include "schema/model.hpp"
#include "storage/query.hpp"

namespace data_bridge::crud {

/// What one request may ask for; beyond: 422. Each test costs its work for every item that is looked at.
constexpr std::size_t kMaxConditions = 100;
constexpr std::size_t kMaxConditionDepth = 10;  ///< of `or`, `not` and lists within each other
constexpr std::size_t kMaxValues = 1000;        ///< of all conditions together

/// Collects what the conditions of one request say: all of it has to hold.
class ConditionReader {
 public:
  /// Values are copied into `arena`; `parameters` are what is no field and may have been meant.
  ConditionReader(const ListFields& fields, std::span<const schema::FieldInfo> parameters, json::Arena& arena) noexcept
      : fields_(fields), parameters_(parameters), arena_(arena) {}

  /// `price__lt=5`: a parameter as it was sent, decoded.
  void read_parameter(std::string_view name, std::string_view value);
  /// `where=...`: `{"price__lt": 5, "or": [...], "not": {...}}`.
  void read_where(std::string_view text);

  /// Of the query, in order; each `loc` without "query".
  [[nodiscard]] schema::Errors& errors() noexcept { return errors_; }
  /// After everything was read without errors; nullopt: nothing was asked.
  [[nodiscard]] std::optional<storage::Condition> take();

 private:
  struct Target {
    const ListField* field = nullptr;
    storage::Operator op = storage::Operator::kEqual;
  };

  [[nodiscard]] std::optional<Target> find_target(std::string_view name, const json::Value& input);
  void read_test(std::string_view name, const json::Value& input, std::vector<storage::Condition>& into);
  void read_condition(const json::Value& input, std::size_t depth, std::vector<storage::Condition>& into);
  void read_alternatives(const json::Value& input, std::size_t depth, std::vector<storage::Condition>& into);
  void add_value(const Target& target, const json::Value& input, std::optional<std::int64_t> index,
                 storage::Condition& test);
  /// An error where the reader is.
  void fail(std::string_view type, std::string message, const json::Value& input,
            std::vector<schema::Context> context = {});
  void fail_value(std::string message, const json::Value& input);
  [[nodiscard]] bool is_too_much(const json::Value& input);

  const ListFields& fields_;
  const std::span<const schema::FieldInfo> parameters_;
  json::Arena& arena_;
  std::vector<storage::Condition> parts_;
  schema::Errors errors_;
  std::vector<schema::LocationItem> location_;
  std::size_t conditions_ = 0;
  std::size_t values_ = 0;
  bool is_full_ = false;  // has said that it is too much
};

}  // namespace data_bridge::crud
