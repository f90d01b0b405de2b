// The access log: one line for every answer, in uvicorn's format, written by a thread of its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "http/layer.hpp"

namespace data_bridge::middleware {

struct AccessLogOptions {
  int fd = 1;               ///< where lines go; stays the caller's
  std::string root_path{};  ///< in front of every path
  /// Reason phrases as http::Options has them.
  bool legacy_reason_phrases = false;
  /// Bytes that may wait for a reader of `fd` that is slower than the server; lines beyond are dropped and counted.
  std::size_t max_waiting = std::size_t{4} * 1024 * 1024;
};

/// Lines like `INFO:     127.0.0.1:54321 - "GET / HTTP/1.1" 200 OK`. Shared by all Connections of a server. Handshakes
/// of WebSockets are not requests: they have lines in another log.
///
/// A thread that serves only appends to a string under a lock; it never waits for the log's reader.
class AccessLog final : public http::Layer {
 public:
  explicit AccessLog(AccessLogOptions options = {});
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  AccessLog(AccessLog&&) = delete;
  AccessLog& operator=(AccessLog&&) = delete;
  /// Writes what waits, for at most a second where the reader does not take it.
  ~AccessLog() override;

  [[nodiscard]] Calls calls() const noexcept override { return {.answered = true}; }
  void on_answered(const http::Answered& answered) noexcept override;

  /// While it is off somebody else writes lines. From any thread.
  void set_on(bool on) noexcept { on_.store(on, std::memory_order_relaxed); }
  /// Returns when the lines are written that there are, or after a second where the reader does not take them. From any
  /// thread.
  void flush();

 private:
  void run();
  /// False where the reader is gone, or did not read before the end.
  [[nodiscard]] bool write_all(std::string_view lines);
  [[nodiscard]] bool wait_until_writable();

  AccessLogOptions options_;
  std::size_t chunk_;  ///< bytes that one write(2) may take without blocking, once poll(2) said yes

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable written_;
  std::string waiting_;        // guarded by mutex_
  std::uint64_t dropped_ = 0;  // guarded by mutex_
  bool writing_ = false;       // guarded by mutex_
  bool hurries_ = false;       // guarded by mutex_: somebody waits for what there is
  bool stopping_ = false;      // guarded by mutex_

  std::atomic<bool> on_{true};

  std::thread writer_;
};

}  // namespace data_bridge::middleware
