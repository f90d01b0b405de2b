// Requests that the server refused by itself, told to Python's log.
#pragma once

#include <array>
#include <cstddef>

#include "bridge/server/loop_report.hpp"

namespace data_bridge::bridge {

/// The statuses of the first few, and how many more there were: a flood costs no memory.
struct Refused {
  static constexpr std::size_t kMost = 16;
  std::array<int, kMost> statuses{};
  std::size_t count = 0;
  std::size_t more = 0;
};

/// For Hooks::report_refused.
class RefusalReport final : public LoopReport<Refused> {
 public:
  using LoopReport::LoopReport;

  [[nodiscard]] Calls calls() const noexcept override { return {.refused = true}; }
  void on_refused(int status) noexcept override;

 private:
  void tell(const Refused& refused) noexcept override;
};

}  // namespace data_bridge::bridge
