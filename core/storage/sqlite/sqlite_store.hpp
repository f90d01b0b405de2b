// SQLite as a storage::Store.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "storage/sqlite/read_connections.hpp"
#include "storage/sqlite/slow_reads.hpp"
#include "storage/sqlite/writer.hpp"
#include "storage/store.hpp"

namespace data_bridge::storage::sqlite {

struct Options {
  /// How long a write waits for another process that holds the database, before it fails with kBusy.
  std::chrono::milliseconds busy_timeout{5000};
  /// False where several processes serve the same file: costs each read a transaction of its own (about 1 us).
  bool only_writer = true;
  Limits limits{};
};

/// A write-ahead-log database with one writing thread and one reading connection per calling thread.
class SqliteStore final : public Store {
 public:
  /// `path` of a file in an existing directory; made where it is missing. Not ":memory:": every connection would
  /// have its own.
  [[nodiscard]] static std::expected<std::shared_ptr<SqliteStore>, Error> open(const std::string& path,
                                                                               const Options& options = {});
  /// A database in memory, empty, which goes with the store. Readers wait for the writer and it for them, as there is
  /// no write-ahead log: for tests and demonstrations.
  [[nodiscard]] static std::expected<std::shared_ptr<SqliteStore>, Error> open_in_memory(const Limits& limits = {});
  ~SqliteStore() override;

  [[nodiscard]] std::expected<std::shared_ptr<Collection>, Error> open_collection(const Table& table) override;
  [[nodiscard]] bool answers_at_once() const noexcept override { return true; }
  void submit(std::unique_ptr<WriteJob> job) override;
  [[nodiscard]] std::uint64_t refused_writes() const noexcept override { return writer_.admission().refused(); }
  [[nodiscard]] std::size_t waiting_writes() const noexcept override { return writer_.admission().items(); }
  void suspend() noexcept override;
  void resume() noexcept override;
  void forget_in_child() noexcept override;
  void close() noexcept override;
  /// Runs `task` on the writing thread, outside a transaction, and waits: for maintenance.
  [[nodiscard]] Status on_writer(const std::function<Status(SqlConnection&)>& task) { return writer_.run(task); }

 private:
  SqliteStore(ReadSettings read, const Options& options, SqlConnection connection);

  /// In memory: what keeps the database while the other connections are closed around a fork.
  std::optional<SqlConnection> keeper_;
  const std::shared_ptr<ReadConnections> readers_;
  const std::shared_ptr<SlowReads> slow_reads_ = std::make_shared<SlowReads>();
  Writer writer_;
  std::mutex mutex_;
  std::size_t tables_ = 0;
};

}  // namespace data_bridge::storage::sqlite
