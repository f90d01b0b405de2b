// Answers that were given without Python, told to Python's access log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bridge/app_context.hpp"
#include "http/layer.hpp"
#include "pyloop/loop.hpp"

namespace data_bridge::bridge {

/// Counts answers; and where Python writes the access log, or a proxy says who the client is, collects what Python did
/// not give itself until the loop comes to tell Hooks::report_answers. What waits is bounded: lines beyond are dropped
/// and counted, as in the native log.
class AnswerReport final : public http::Layer,
                           public pyloop::PythonWork,
                           public std::enable_shared_from_this<AnswerReport> {
 public:
  explicit AnswerReport(std::shared_ptr<AppContext> app) noexcept : app_(std::move(app)) {}

  [[nodiscard]] Calls calls() const noexcept override { return {.answered = true, .forwarded = app_->trusts_proxies}; }
  void on_answered(const http::Answered& answered) noexcept override;

  void run() noexcept override;
  void drop() noexcept override;

 private:
  static constexpr std::size_t kMost = 20'000;
  struct Line {
    std::string host;
    std::uint16_t port = 0;
    std::string method;
    std::string target;
    const char* version = "";
    int status = 0;
    std::string forwarded_for;
  };

  [[nodiscard]] bool tell(const std::vector<Line>& lines, std::size_t dropped);

  std::shared_ptr<AppContext> app_;
  std::mutex mutex_;
  std::vector<Line> lines_;               // under mutex_
  std::size_t dropped_ = 0;               // under mutex_
  std::shared_ptr<AnswerReport> queued_;  // under mutex_: itself, while it is queued as work
};

}  // namespace data_bridge::bridge
