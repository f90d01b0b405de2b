// The one writing thread of a store: all writes that wait become one transaction.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/admission.hpp"
#include "storage/limits.hpp"
#include "storage/sqlite/sql_connection.hpp"
#include "storage/sqlite/statements.hpp"
#include "storage/store.hpp"

namespace data_bridge::storage::sqlite {

struct WriterSettings {
  std::string path;
  /// How long a write waits for another process that holds the database; then kBusy.
  std::chrono::milliseconds busy_timeout{5000};
  Limits limits{};
};

/// Group commit. A commit costs one fsync, 150 us and more, whatever it holds: with 64 clients waiting, one
/// transaction for all of them writes thirty times as many items a second as one transaction each.
class Writer {
 public:
  /// `connection` is the first one, already open; `on_commit` runs between a COMMIT and the first finish().
  Writer(WriterSettings settings, SqlConnection connection, std::function<void()> on_commit);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Refuses at once, with kOverloaded, what is beyond the limits.
  void submit(std::unique_ptr<WriteJob> job);
  /// Runs `task` with the connection, outside a transaction, in turn with the jobs; waits for its end.
  [[nodiscard]] Status run(const std::function<Status(SqlConnection&)>& task);
  /// Finishes what is queued and ends the thread.
  void close() noexcept;

  /// Ends what runs, closes the connection and lets everything wait for resume().
  void suspend() noexcept;
  void resume() noexcept;

  [[nodiscard]] const runtime::Admission& admission() const noexcept { return admission_; }

 private:
  struct Task;
  /// A job, and what it was admitted with.
  struct Waiting {
    std::unique_ptr<WriteJob> job;
    std::size_t bytes = 0;
  };

  void work() noexcept;
  void run_task(Task& task) noexcept;
  void run_batch() noexcept;
  void drop_unwanted() noexcept;
  /// All of them are answered.
  void let_go(std::vector<Waiting>& finished) noexcept;
  /// Answers the batch, and for kBusy all that waits: each would wait for the same lock, one batch after the other.
  void fail_batch(const Error& error) noexcept;
  [[nodiscard]] Status begin();
  [[nodiscard]] Status execute_batch();
  [[nodiscard]] Status execute(WriteJob& job, WriteTransaction& transaction);
  void roll_back() noexcept;
  [[nodiscard]] Status ensure_connection();
  void drop_connection() noexcept;

  const WriterSettings settings_;
  const std::function<void()> on_commit_;
  runtime::Admission admission_;

  // Of the thread, while is_busy_; else under the mutex.
  std::optional<SqlConnection> connection_;
  Statements statements_;
  Statement begin_;
  Statement commit_;
  std::vector<Waiting> batch_;
  std::vector<Status> results_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::vector<Waiting> queue_;
  std::vector<Task*> tasks_;
  bool is_busy_ = false;
  bool is_suspended_ = false;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace data_bridge::storage::sqlite
