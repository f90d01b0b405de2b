// A stored row as one mount of its table sees it, and the values within.
#include "storage/later/item.hpp"

#include <algorithm>
#include <string>

#include "json/parser.hpp"
#include "json/writer.hpp"
#include "storage/later/value.hpp"
#include "storage/value_order.hpp"

namespace data_bridge::storage::later {
namespace {

/// What a field leads to inside of its document; nullptr where there is nothing. Lives as long as this.
class Inner {
 public:
  Inner(const Item& item, const Field& field) {
    const auto* const text = std::get_if<std::string>(&item[field.column]);
    if (text == nullptr) return;
    const auto document = json::parse(*text, arena_);
    if (!document) return;
    document_ = *document;
    found_ = &document_;
    for (const std::string& member : field.members) {
      found_ = found_->is_object() ? found_->find(member) : nullptr;
      if (found_ == nullptr) return;
    }
  }
  [[nodiscard]] const json::Value* found() const noexcept { return found_; }

 private:
  json::Arena arena_;
  json::Value document_;
  const json::Value* found_ = nullptr;
};

std::string repr(double number) {
  std::string text;
  json::append_python_repr(text, number);
  return text;
}

Cell number_of(const json::Value& value) {
  if (value.is_int()) return value.as_int();
  if (value.is_big_int()) return std::string(value.as_string());
  if (value.is_double()) return repr(value.as_double());
  return {};
}

Cell cell_of(const json::Value& value, ColumnKind kind) {
  if (kind == ColumnKind::kBigInteger) return number_of(value);
  if (value.is_string()) return std::string(value.as_string());
  if (kind == ColumnKind::kText || value.is_null()) return {};
  if (value.is_bool()) return std::int64_t{value.as_bool() ? 1 : 0};
  if (value.is_double()) return value.as_double();
  if (value.is_int() || value.is_big_int()) return number_of(value);
  std::string text;
  static_cast<void>(json::write(text, value, json::Style::kPython));
  return text;
}

bool equals(const json::Value& value, ColumnKind kind, const Cell& wanted) {
  // An integer may have any number of digits.
  const ColumnKind compared = kind == ColumnKind::kInteger ? ColumnKind::kBigInteger : kind;
  const Cell found = order_value(compared, cell_of(value, compared));
  return found.index() != 0 && compare(found, order_value(compared, wanted)) == 0;
}

}  // namespace

Cell value_of(const Item& item, const Field& field) {
  if (field.members.empty()) return item[field.column];
  const Inner inner(item, field);
  return inner.found() == nullptr ? Cell() : cell_of(*inner.found(), order_kind(field));
}

Cell order_value(const Item& item, const Field& field) { return order_value(order_kind(field), value_of(item, field)); }

bool is_null(const Item& item, const Field& field) {
  if (field.members.empty()) return item[field.column].index() == 0;
  const Inner inner(item, field);
  return inner.found() == nullptr || inner.found()->is_null();
}

bool list_contains(const Item& item, const Field& field, const Cell& value) {
  const Inner inner(item, field);
  if (inner.found() == nullptr) return false;
  const auto matches = [&](const json::Value& found) { return equals(found, field.kind, value); };
  if (inner.found()->is_array()) return std::ranges::any_of(inner.found()->items(), matches);
  // A value alone is a list of one, but for text.
  return field.kind != ColumnKind::kText && matches(*inner.found());
}

}  // namespace data_bridge::storage::later
