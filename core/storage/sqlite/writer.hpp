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

#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/statements.hpp"
#include "storage/store.hpp"

namespace data_bridge::storage::sqlite {

struct WriterSettings {
  std::string path;
  /// How long a write waits for another process that holds the database; then kBusy.
  std::chrono::milliseconds busy_timeout{5000};
};

/// Group commit. A commit costs one fsync, 150 us and more, whatever it holds: with 64 clients waiting, one
/// transaction for all of them writes thirty times as many items a second as one transaction each.
class Writer {
 public:
  /// `connection` is the first one, already open; `on_commit` runs between a COMMIT and the first finish().
  Writer(WriterSettings settings, Connection connection, std::function<void()> on_commit);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void submit(std::unique_ptr<WriteJob> job);
  /// Runs `task` with the connection, outside a transaction, in turn with the jobs; waits for its end.
  [[nodiscard]] std::expected<void, Error> run(const std::function<std::expected<void, Error>(Connection&)>& task);
  /// Finishes what is queued and ends the thread.
  void close() noexcept;

 private:
  struct Task;
  struct Batch;

  void work() noexcept;
  void run_batch(std::vector<std::unique_ptr<WriteJob>>& jobs) noexcept;
  [[nodiscard]] std::expected<void, Error> begin();
  [[nodiscard]] std::expected<void, Error> execute(WriteJob& job, WriteTransaction& transaction);
  void roll_back() noexcept;
  [[nodiscard]] std::expected<void, Error> ensure_connection();
  void drop_connection() noexcept;

  const WriterSettings settings_;
  const std::function<void()> on_commit_;

  // Of the thread alone.
  std::optional<Connection> connection_;
  Statements statements_;
  Statement begin_;
  Statement commit_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::unique_ptr<WriteJob>> queue_;
  std::vector<Task*> tasks_;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace data_bridge::storage::sqlite
