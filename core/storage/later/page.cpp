// Which items a list has, in which order.
#include "storage/later/page.hpp"

#include <algorithm>
#include <utility>

#include "storage/later/condition.hpp"
#include "storage/later/item.hpp"
#include "storage/later/value.hpp"
#include "storage/value_order.hpp"

namespace data_bridge::storage::later {
namespace {

std::weak_ordering compare_orders(const std::vector<SortTerm>& sort, const Row& left, const Row& right) noexcept {
  for (std::size_t at = 0; at < sort.size(); ++at) {
    const auto order = sort[at].descending ? compare(right[at], left[at]) : compare(left[at], right[at]);
    if (order != 0) return order;
  }
  return std::weak_ordering::equivalent;
}

/// An item, and what it is sorted by.
struct Candidate {
  Row order;
  Stored row;
};

class Finder {
 public:
  Finder(const StoredTable& table, const std::vector<std::size_t>& places, const ListQuery& query)
      : table_(table), places_(places), query_(query), left_out_(query.offset) {}

  Page find() {
    query_.sort.empty() ? find_by_key() : find_by_terms();
    if (query_.wants_total) {
      page_.total = static_cast<std::uint64_t>(
          std::ranges::count_if(table_.rows, [this](const auto& entry) { return is_asked_for(*entry.second); }));
    }
    return std::move(page_);
  }

 private:
  [[nodiscard]] bool is_asked_for(const Row& row) const {
    return !query_.condition || holds(*query_.condition, Item(row, places_));
  }
  [[nodiscard]] bool is_full() const noexcept { return page_.rows.size() >= query_.limit; }

  void take(const Stored& row) { left_out_ > 0 ? void(--left_out_) : page_.rows.push_back(row); }

  void find_by_key() {
    auto at = query_.after.empty() ? table_.rows.begin() : table_.rows.upper_bound(to_key(query_.after.front()));
    for (; at != table_.rows.end() && !is_full(); ++at) {
      if (is_asked_for(*at->second)) take(at->second);
    }
  }

  void find_by_terms() {
    const auto& sort = query_.sort;
    Row after;
    for (std::size_t at = 0; at < query_.after.size(); ++at) {
      after.push_back(order_value(order_kind(sort[at].field), query_.after[at]));
    }
    std::vector<Candidate> found;
    for (const auto& [key, row] : table_.rows) {
      if (!is_asked_for(*row)) continue;
      Row order;
      for (const SortTerm& term : sort) order.push_back(order_value(Item(*row, places_), term.field));
      if (!after.empty() && compare_orders(sort, order, after) <= 0) continue;
      found.push_back({.order = std::move(order), .row = row});
    }
    std::ranges::sort(found, [&sort](const Candidate& left, const Candidate& right) {
      return compare_orders(sort, left.order, right.order) < 0;
    });
    for (auto at = found.begin(); at != found.end() && !is_full(); ++at) take(at->row);
  }

  const StoredTable& table_;
  const std::vector<std::size_t>& places_;
  const ListQuery& query_;
  std::uint64_t left_out_;
  Page page_{};
};

}  // namespace

Page find_page(const StoredTable& table, const std::vector<std::size_t>& places, const ListQuery& query) {
  return Finder(table, places, query).find();
}

}  // namespace data_bridge::storage::later
