// One reading connection per thread, with one snapshot per turn of the thread's Reactor.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/reactor.hpp"
#include "storage/sqlite/query_statements.hpp"
#include "storage/sqlite/sql_connection.hpp"
#include "storage/sqlite/statements.hpp"
#include "storage/store.hpp"

namespace data_bridge::storage::sqlite {

/// What the connections of one store have in common.
struct ReadSettings {
  std::string path;
  /// Short: a reader of a write-ahead log meets a lock only while another process recovers or deletes the log, and
  /// the wait holds up every connection of the thread.
  std::chrono::milliseconds busy_timeout{100};
  /// False where other processes write too: their commits cannot be seen from here, so no snapshot may be
  /// kept from one read to the next.
  bool only_writer = true;
};

/// A query of any shape, which may take long: until `timeout`, unless it is 0, where the caller may wait.
struct WatchedQuery {
  const ReadJob& job;  ///< a query that nobody wants any more ends
  Reading reading;
  std::chrono::milliseconds timeout;
};

/// A connection and its snapshot. Used by the thread that made it; the mutex is for close() and suspend(), uncontended
/// before.
class ReadConnection final : public runtime::TurnHook {
 public:
  ReadConnection(const ReadSettings& settings, const std::atomic<std::uint64_t>& commits)
      : settings_(settings), commits_(commits) {}

  /// Runs `use(connection, statement)` on the prepared statement, in the turn's snapshot where `reactor` is given.
  template <typename Use>
  [[nodiscard]] Status read(std::size_t table_id, const TableSql& sql, StatementKind kind, runtime::Reactor* reactor,
                            Use use) {
    const std::lock_guard lock(mutex_);
    if (auto ready = prepare_for_read(reactor); !ready) {
      return ready;
    }
    auto statement = statements_.get(*connection_, table_id, sql, kind);
    auto done = statement ? use(*connection_, *statement) : Status(std::unexpected(std::move(statement.error())));
    if (!done) {
      recover(done.error());
    }
    return done;
  }

  /// Runs `use(connection, statements)` likewise. Fails with kSlow where the thread may not wait for the end.
  template <typename Use>
  [[nodiscard]] Status query(const WatchedQuery& query, Use use) {
    const std::lock_guard lock(mutex_);
    if (auto ready = prepare_for_read(query.reading.reactor); !ready) {
      return ready;
    }
    begin_watch(query);
    auto done = use(*connection_, queries_);
    watched_ = nullptr;
    if (!done) {
      explain_interruption(done.error(), query);
      recover(done.error());
    }
    return done;
  }

  void close() noexcept;
  /// Closes the connection of a thread that ends, and its Reactor with it.
  void leave() noexcept;
  [[nodiscard]] bool is_left() const noexcept { return left_.load(std::memory_order_acquire); }
  /// Closes the connection and keeps every read waiting until resume(), by the same thread.
  void suspend() noexcept;
  void resume() noexcept;
  /// Closed, and no Reactor will call back.
  [[nodiscard]] bool is_disposable() noexcept;

 private:
  void on_turn_end() noexcept override;

  [[nodiscard]] Status prepare_for_read(runtime::Reactor* reactor);
  [[nodiscard]] Status open();
  void end_snapshot() noexcept;
  void begin_watch(const WatchedQuery& query) noexcept;
  /// What an interruption was for, in the place of SQLite's word for it.
  void explain_interruption(Error& error, const WatchedQuery& query) const;
  /// Asked by SQLite now and then while a statement runs; another value than 0 ends it.
  static int on_progress(void* connection) noexcept;
  /// After a failure that a fresh connection may not have.
  void recover(const Error& error) noexcept;
  void drop_connection() noexcept;

  const ReadSettings settings_;
  const std::atomic<std::uint64_t>& commits_;
  std::mutex mutex_;
  std::optional<SqlConnection> connection_;
  Statements statements_;  // after the connection: statements go first
  QueryStatements queries_;
  Statement begin_;
  Statement end_;
  bool in_snapshot_ = false;
  bool hook_pending_ = false;
  std::uint64_t snapshot_commits_ = 0;
  runtime::Clock::time_point checked_file_;
  bool closed_ = false;
  const ReadJob* watched_ = nullptr;       // whose query runs
  runtime::Clock::time_point ends_;        // of that
  std::atomic<bool> is_stopping_ = false;  // somebody waits for the mutex, to close
  std::atomic<bool> left_ = false;
};

/// The reading connections of one store. Owns them: what closes one, the end of its thread too, does so under a mutex
/// that suspend() takes.
class ReadConnections {
 public:
  explicit ReadConnections(ReadSettings settings);
  ~ReadConnections();
  ReadConnections(const ReadConnections&) = delete;
  ReadConnections& operator=(const ReadConnections&) = delete;

  /// The calling thread's; made at its first call, closed when the thread ends or the store closes.
  [[nodiscard]] std::expected<ReadConnection*, Error> mine();
  /// A commit has become durable: snapshots from before are not used any more.
  void count_commit() noexcept { commits_.fetch_add(1, std::memory_order_release); }
  void close() noexcept;
  /// Closes the connections and keeps every read waiting until resume(), by the same thread.
  void suspend() noexcept;
  void resume() noexcept;

 private:
  const ReadSettings settings_;
  const std::uint64_t id_;  // never used twice, unlike the address of a store
  std::atomic<std::uint64_t> commits_ = 0;
  std::mutex mutex_;
  std::vector<std::shared_ptr<ReadConnection>> connections_;
  bool closed_ = false;
};

}  // namespace data_bridge::storage::sqlite
