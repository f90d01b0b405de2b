// Decimal text to double.
#include "json/number.hpp"

#include <algorithm>
#include <limits>
#include <string_view>
#include <system_error>

namespace data_bridge::json {

namespace {

// from_chars does not say on which side of the range a number lies. The place of its first significant
// digit does: beyond 10^308 or below 10^-323 there is nothing in between to confuse.
bool overflows(std::string_view text) noexcept {
  if (text.starts_with('-')) {
    text.remove_prefix(1);
  }
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  const std::string_view mantissa = text.substr(0, e);
  std::string_view exponent = text.substr(std::min(e + 1, text.size()));
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const std::size_t first = mantissa.find_first_of("123456789");
  if (first == std::string_view::npos) {
    return false;
  }
  if (exponent.starts_with('+')) {
    exponent.remove_prefix(1);
  }
  // More than any mantissa that fits into memory could make up for, and far from the ends of the type.
  constexpr long long kBeyond = 1LL << 60;
  long long magnitude = 0;
  if (std::from_chars(exponent.data(), exponent.data() + exponent.size(), magnitude).ec ==
      std::errc::result_out_of_range) {
    magnitude = exponent.starts_with('-') ? -kBeyond : kBeyond;
  }
  magnitude = std::clamp(magnitude, -kBeyond, kBeyond);
  return magnitude + static_cast<long long>(point) - static_cast<long long>(first) > 0;
}

}  // namespace

std::from_chars_result read_double(const char* first, const char* last, double& value) noexcept {
  std::from_chars_result result = std::from_chars(first, last, value);
  if (result.ec == std::errc::result_out_of_range) {
    const std::string_view text(first, result.ptr);
    value = overflows(text) ? std::numeric_limits<double>::infinity() : 0.0;
    value = text.starts_with('-') ? -value : value;
    result.ec = std::errc{};
  }
  return result;
}

}  // namespace data_bridge::json
