// PastDate, FutureDate, PastDatetime, FutureDatetime.
#pragma once

#include <cstdint>

#include "schema/datetime.hpp"
#include "schema/node.hpp"

namespace data_bridge::schema {

/// On which side of the present a value must be. Pydantic compares with its own clock, in the zone of the machine or of
/// the value: so near to the present that these matter, and on the other side, only Pydantic decides.
class NowRule {
 public:
  enum class Side : std::uint8_t { kAny, kPast, kFuture };

  NowRule() noexcept = default;
  explicit NowRule(Side side) noexcept : side_(side) {}

  /// Leaves the value undecided where it is not certainly on the right side.
  void check(const Datetime& value, State& state) const noexcept;

 private:
  Side side_ = Side::kAny;
};

}  // namespace data_bridge::schema
