// Decimals as Python's decimal module has them: every digit, and the exponent that was given.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace data_bridge::schema {

struct Decimal {
  bool finite = true;  ///< else an infinity or NaN, and nothing else is known of it
  bool negative = false;
  std::string digits = "0";  ///< without leading zeros; "0" for zero
  std::int64_t exponent = 0;

  [[nodiscard]] bool is_zero() const noexcept { return digits == "0"; }
  /// Of the first digit.
  [[nodiscard]] std::int64_t adjusted() const noexcept {
    return exponent + static_cast<std::int64_t>(digits.size()) - 1;
  }
};

/// By value: 1.1 and 1.10 are the same. Both finite.
[[nodiscard]] std::weak_ordering operator<=>(const Decimal& left, const Decimal& right) noexcept;
[[nodiscard]] inline bool operator==(const Decimal& left, const Decimal& right) noexcept {
  return (left <=> right) == std::weak_ordering::equivalent;
}

/// The code points of zeros, each with its nine other digits behind it, that Python takes for decimal digits;
/// ascending.
using DigitZeros = std::vector<std::uint32_t>;

/// Decimal(text); nullopt where that raises.
[[nodiscard]] std::optional<Decimal> parse_decimal(std::string_view text, const DigitZeros& zeros);

/// str(value), which is finite.
void append_decimal(std::string& out, const Decimal& value);

/// How many digits a number has, and how many of them behind the point, as Pydantic counts them.
struct DigitCount {
  std::uint64_t digits;
  std::uint64_t places;
};
[[nodiscard]] DigitCount count_digits(const Decimal& value) noexcept;
/// Without zeros at the end.
[[nodiscard]] Decimal normalized(const Decimal& value);

/// What a `multiple_of` may be: its digits fit into 64 bits for the division.
constexpr std::size_t kMaxDivisorDigits = 18;
/// `(value / divisor) % 1 == 0` with the 28 digits of Python's default context; false also where that raises. Both are
/// finite, `divisor` is not zero and has up to kMaxDivisorDigits digits.
[[nodiscard]] bool is_multiple(const Decimal& value, const Decimal& divisor);

}  // namespace data_bridge::schema
