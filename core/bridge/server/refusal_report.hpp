// Requests that the server refused by itself, told to Python's log.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>

#include "bridge/app_context.hpp"
#include "http/layer.hpp"
#include "pyloop/loop.hpp"

namespace data_bridge::bridge {

/// Collects what all threads refused until the loop comes to tell Hooks::report_refused: the statuses of the first few,
/// and how many more there were. A flood costs a lock for each, one call a turn, and no memory.
class RefusalReport final : public http::Layer,
                            public pyloop::PythonWork,
                            public std::enable_shared_from_this<RefusalReport> {
 public:
  explicit RefusalReport(std::shared_ptr<AppContext> app) noexcept : app_(std::move(app)) {}

  [[nodiscard]] Calls calls() const noexcept override { return {.refused = true}; }
  void on_refused(int status) noexcept override;

  void run() noexcept override;
  void drop() noexcept override;

 private:
  static constexpr std::size_t kMost = 16;
  struct Refused {
    std::array<int, kMost> statuses{};
    std::size_t count = 0;
    std::size_t more = 0;
  };

  std::shared_ptr<AppContext> app_;
  std::mutex mutex_;
  Refused refused_;                        // under mutex_
  std::shared_ptr<RefusalReport> queued_;  // under mutex_: itself, while it is queued as work
};

}  // namespace data_bridge::bridge
