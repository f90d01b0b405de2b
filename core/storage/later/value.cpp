// How the cells of items are compared.
#include "storage/later/value.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace data_bridge::storage::later {
namespace {

// As a double an integer beyond 2^53 would equal its neighbours.
std::weak_ordering compare(std::int64_t integer, double real) noexcept {
  constexpr double kBeyond = 9223372036854775808.0;
  if (real >= kBeyond) return std::weak_ordering::less;
  if (real < -kBeyond) return std::weak_ordering::greater;
  const auto whole = static_cast<std::int64_t>(real);
  if (integer != whole) return integer <=> whole;
  const double rest = real - static_cast<double>(whole);
  if (rest == 0) return std::weak_ordering::equivalent;
  return rest > 0 ? std::weak_ordering::less : std::weak_ordering::greater;
}

std::weak_ordering compare(double left, double right) noexcept {
  if (left == right) return std::weak_ordering::equivalent;
  return left < right ? std::weak_ordering::less : std::weak_ordering::greater;
}

std::weak_ordering reversed(std::weak_ordering order) noexcept { return 0 <=> order; }

int rank(const Cell& cell) noexcept {
  if (cell.index() == 0) return 0;
  return std::holds_alternative<std::string>(cell) ? 2 : 1;
}

}  // namespace

std::weak_ordering compare(const Cell& left, const Cell& right) noexcept {
  if (const int rank_of_left = rank(left), rank_of_right = rank(right);
      rank_of_left != rank_of_right || rank_of_left == 0) {
    return rank_of_left <=> rank_of_right;
  }
  if (const auto* const text = std::get_if<std::string>(&left)) return *text <=> *std::get_if<std::string>(&right);
  const auto* const integer = std::get_if<std::int64_t>(&left);
  const auto* const other = std::get_if<std::int64_t>(&right);
  if (integer != nullptr)
    return other != nullptr ? *integer <=> *other : compare(*integer, *std::get_if<double>(&right));
  const double real = *std::get_if<double>(&left);
  return other != nullptr ? reversed(compare(*other, real)) : compare(real, *std::get_if<double>(&right));
}

bool RowLess::operator()(const Row& left, const Row& right) const noexcept {
  return std::ranges::lexicographical_compare(left, right,
                                              [](const Cell& a, const Cell& b) { return compare(a, b) < 0; });
}

}  // namespace data_bridge::storage::later
