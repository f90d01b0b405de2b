// le, lt, ge and gt of values that are no numbers of JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "schema/node.hpp"

namespace data_bridge::schema {

/// What a value may not go beyond. `Order` is what values are compared by.
template <typename Order>
struct Bound {
  Order order;
  std::string display;  ///< in messages
  json::Value context;  ///< in `ctx`, as FastAPI writes it
};

template <typename Order>
struct Bounds {
  std::optional<Bound<Order>> le, lt, ge, gt;

  /// In Pydantic's order. False after state.fail(), with `input`.
  bool check(const Order& order, const json::Value& input, State& state) const {
    const auto fail = [&](std::string_view type, std::string_view key, std::string_view phrase,
                          const Bound<Order>& bound) {
      return state.fail(type, std::string("Input should be ").append(phrase).append(bound.display), input,
                        {{key, bound.context}});
    };
    if (le && !(order <= le->order)) return fail("less_than_equal", "le", "less than or equal to ", *le);
    if (lt && !(order < lt->order)) return fail("less_than", "lt", "less than ", *lt);
    if (ge && !(order >= ge->order)) return fail("greater_than_equal", "ge", "greater than or equal to ", *ge);
    if (gt && !(order > gt->order)) return fail("greater_than", "gt", "greater than ", *gt);
    return true;
  }
};

}  // namespace data_bridge::schema
