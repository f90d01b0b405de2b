// Formatting lines on the threads that serve, writing them on one that may wait.
#include "middleware/access_log.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <climits>
#include <csignal>
#include <utility>

#include "http/status.hpp"
#include "text/percent.hpp"

namespace data_bridge::middleware {
namespace {

/// Lines of one such span leave in one write; nobody reads a log faster.
constexpr std::chrono::milliseconds kGather{5};
constexpr std::chrono::milliseconds kLastWrite{1000};
constexpr std::size_t kRegularFileChunk = std::size_t{1024} * 1024;

void append_number(std::string& line, std::uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  line.append(digits, end);
}

/// The path as uvicorn writes it: decoded, as applications have it, and encoded again.
void append_path(std::string& line, std::string_view path, std::string_view root_path) {
  if (!path.starts_with('/')) {
    line += path;
    return;
  }
  const std::string whole = std::string(root_path) + text::decode_path(path);
  for (std::string_view rest = whole;;) {
    const std::size_t slash = rest.find('/');
    text::append_percent_encoded(line, rest.substr(0, slash));
    if (slash == std::string_view::npos) return;
    line += '/';
    rest.remove_prefix(slash + 1);
  }
}

/// The parser has let through neither blanks nor controls nor non-ASCII, so a quote is all that could forge a line.
void append_query(std::string& line, std::string_view query) {
  for (const char c : query) {
    if (c == '"') {
      line += "%22";
    } else {
      line += c;
    }
  }
}

void append_target(std::string& line, std::string_view target, std::string_view root_path) {
  const std::size_t mark = std::min(target.find('?'), target.size());
  append_path(line, target.substr(0, mark), root_path);
  if (mark + 1 < target.size()) append_query(line, target.substr(mark));
}

void append_line(std::string& line, const http::Answered& answered, const AccessLogOptions& options) {
  line += "INFO:     ";
  if (!answered.client_host.empty()) {
    line.append(answered.client_host).append(":");
    append_number(line, answered.client_port);
  }
  line.append(" - \"").append(answered.method).append(" ");
  append_target(line, answered.target, options.root_path);
  line.append(answered.version == http::Version::kHttp11 ? " HTTP/1.1\" " : " HTTP/1.0\" ");
  append_number(line, static_cast<std::uint64_t>(answered.status));
  const std::string_view phrase = http::reason_phrase(answered.status, options.legacy_reason_phrases);
  line.append(" ").append(phrase).append("\n");
}

std::size_t chunk_for(int fd) noexcept {
  struct stat status{};
  const bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  return regular ? kRegularFileChunk : PIPE_BUF;  // pipe(7): a poll that says yes vouches for PIPE_BUF bytes
}

}  // namespace

AccessLog::AccessLog(AccessLogOptions options) : options_(options), chunk_(chunk_for(options.fd)) {
  // Signals are for the threads that wait for them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  writer_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

AccessLog::~AccessLog() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  writer_.join();
}

void AccessLog::on_answered(const http::Answered& answered) noexcept {
  if (answered.upgrade || answered.reported || !answered.forwarded_for.empty() || !on_.load(std::memory_order_relaxed))
    return;
  bool first = false;
  try {
    const std::scoped_lock lock(mutex_);
    if (waiting_.size() >= options_.max_waiting) {
      ++dropped_;
      return;
    }
    first = waiting_.empty();
    append_line(waiting_, answered, options_);
  } catch (const std::bad_alloc&) {
    return;  // a line less; the answer is on its way
  }
  if (first) wake_.notify_one();
}

void AccessLog::flush() {
  std::unique_lock lock(mutex_);
  hurries_ = !waiting_.empty();
  wake_.notify_one();
  written_.wait_for(lock, kLastWrite, [this] { return waiting_.empty() && !writing_; });
}

void AccessLog::run() {
  std::string lines;
  bool broken = false;
  for (;;) {
    std::uint64_t dropped = 0;
    bool last = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      wake_.wait_for(lock, kGather, [this] { return stopping_ || hurries_; });
      hurries_ = false;
      writing_ = true;
      lines.clear();
      lines.swap(waiting_);
      dropped = std::exchange(dropped_, 0);
      last = stopping_;
    }
    if (dropped > 0) {
      lines += "WARNING:  ";
      append_number(lines, dropped);
      lines += " lines of the access log were dropped: its reader is too slow\n";
    }
    broken = broken || !write_all(lines);
    {
      const std::scoped_lock lock(mutex_);
      writing_ = false;
    }
    written_.notify_all();
    if (last) return;
  }
}

bool AccessLog::write_all(std::string_view lines) {
  while (!lines.empty()) {
    if (!wait_until_writable()) return false;
    const ssize_t written = ::write(options_.fd, lines.data(), std::min(lines.size(), chunk_));
    if (written < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return false;
    }
    lines.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool AccessLog::wait_until_writable() {
  using Clock = std::chrono::steady_clock;
  Clock::time_point give_up = Clock::time_point::max();
  for (;;) {
    pollfd waited{.fd = options_.fd, .events = POLLOUT, .revents = 0};
    const int ready = ::poll(&waited, 1, 100);
    if (ready > 0) return (waited.revents & POLLOUT) != 0;
    if (ready < 0 && errno != EINTR) return false;
    const std::scoped_lock lock(mutex_);
    if (!stopping_) continue;
    if (give_up == Clock::time_point::max()) give_up = Clock::now() + kLastWrite;
    if (Clock::now() >= give_up) return false;
  }
}

}  // namespace data_bridge::middleware
