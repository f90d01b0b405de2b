// By days: no zone is further from another one than one of them.
#include "schema/now_rule.hpp"

#include <chrono>

namespace data_bridge::schema {

void NowRule::check(const Datetime& value, State& state) const noexcept {
  if (side_ == Side::kAny) {
    return;
  }
  constexpr std::chrono::days kMargin(2);
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  const std::chrono::sys_days day = std::chrono::year_month_day(
      std::chrono::year(value.year), std::chrono::month(value.month), std::chrono::day(value.day));
  const bool is_certain = side_ == Side::kPast ? day < today - kMargin : day > today + kMargin;
  if (!is_certain) {
    state.leave_undecided();
  }
}

}  // namespace data_bridge::schema
