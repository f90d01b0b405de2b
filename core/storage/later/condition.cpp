// Whether an item is one of those that are asked for.
#include "storage/later/condition.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "storage/later/value.hpp"
#include "storage/value_order.hpp"
#include "text/unicode_case.hpp"

namespace data_bridge::storage::later {
namespace {

/// The two of a test of text, where both are.
template <typename Test>
bool text_test(const Condition& asked, const Item& item, Test test) {
  const Cell found = value_of(item, asked.field);
  const auto* const text = std::get_if<std::string>(&found);
  const auto* const part = std::get_if<std::string>(&asked.values.front());
  return text != nullptr && part != nullptr && test(*text, *part);
}

// NULL is equal to NULL alone.
bool is_among(const Condition& asked, const Item& item) {
  const Cell found = order_value(item, asked.field);
  const ColumnKind kind = order_kind(asked.field);
  return std::ranges::any_of(asked.values,
                             [&](const Cell& value) { return compare(found, order_value(kind, value)) == 0; });
}

// There is no order between NULL and a value: neither is less to a test, though NULL sorts first.
template <typename Test>
bool order_test(const Condition& asked, const Item& item, Test test) {
  const Cell found = order_value(item, asked.field);
  const Cell value = order_value(order_kind(asked.field), asked.values.front());
  return found.index() != 0 && value.index() != 0 && test(compare(found, value));
}

bool holds_test(const Condition& asked, const Item& item) {
  switch (asked.op) {
    case Operator::kEqual:
    case Operator::kIn:
      return is_among(asked, item);
    case Operator::kNotEqual:
    case Operator::kNotIn:
      return !is_among(asked, item);
    case Operator::kLess:
      return order_test(asked, item, [](std::weak_ordering order) { return order < 0; });
    case Operator::kLessEqual:
      return order_test(asked, item, [](std::weak_ordering order) { return order <= 0; });
    case Operator::kGreater:
      return order_test(asked, item, [](std::weak_ordering order) { return order > 0; });
    case Operator::kGreaterEqual:
      return order_test(asked, item, [](std::weak_ordering order) { return order >= 0; });
    case Operator::kContains:
      if (asked.field.is_list) return list_contains(item, asked.field, asked.values.front());
      return text_test(asked, item,
                       [](const std::string& text, const std::string& part) { return text.contains(part); });
    case Operator::kContainsAnyCase:
      return text_test(asked, item, [](const std::string& text, const std::string& part) {
        return text::to_upper(text).contains(text::to_upper(part));
      });
    case Operator::kStartsWith:
      return text_test(asked, item,
                       [](const std::string& text, const std::string& part) { return text.starts_with(part); });
    case Operator::kEndsWith:
      return text_test(asked, item,
                       [](const std::string& text, const std::string& part) { return text.ends_with(part); });
    case Operator::kIsNull:
      return is_null(item, asked.field) == (asked.values.front() != Cell(std::int64_t{0}));
  }
  std::unreachable();
}

}  // namespace

bool holds(const Condition& condition, const Item& item) {
  const auto part_holds = [&item](const Condition& part) { return holds(part, item); };
  switch (condition.type) {
    case Condition::Type::kTest:
      return holds_test(condition, item);
    case Condition::Type::kAll:
      return std::ranges::all_of(condition.parts, part_holds);
    case Condition::Type::kAny:
      return std::ranges::any_of(condition.parts, part_holds);
    case Condition::Type::kNot:
      return !holds(condition.parts.front(), item);
  }
  std::unreachable();
}

}  // namespace data_bridge::storage::later
