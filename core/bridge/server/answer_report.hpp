// Answers that were given without Python, told to Python's access log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bridge/server/loop_report.hpp"

namespace data_bridge::bridge {

/// Lines beyond a bound are dropped and counted, as in the native log.
struct AnswerLines {
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

  std::vector<Line> lines;
  std::size_t dropped = 0;
};

/// Counts answers; and where Python writes the access log, or a proxy says who the client is, collects what Python did
/// not give itself for Hooks::report_answers.
class AnswerReport final : public LoopReport<AnswerLines> {
 public:
  using LoopReport::LoopReport;

  [[nodiscard]] Calls calls() const noexcept override { return {.answered = true, .forwarded = app().trusts_proxies}; }
  void on_answered(const http::Answered& answered) noexcept override;

 private:
  void tell(const AnswerLines& collected) noexcept override;
};

}  // namespace data_bridge::bridge
