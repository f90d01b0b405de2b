// SQLite as a storage::Store.
#include "storage/sqlite/sqlite_store.hpp"

#include <atomic>
#include <cstdint>
#include <utility>

#include "storage/sqlite/collection.hpp"
#include "storage/sqlite/schema_sync.hpp"

namespace data_bridge::storage::sqlite {

std::expected<std::shared_ptr<SqliteStore>, Error> SqliteStore::open(const std::string& path, const Options& options) {
  if (path.empty() || path.find('\0') != std::string::npos || path == ":memory:") {
    return std::unexpected(Error{Errc::kInvalidArgument, {}, "SQLite needs the path of a file, not \"" + path + "\""});
  }
  auto connection = SqlConnection::open(path, Access::kCreate, options.busy_timeout);
  if (!connection) {
    return std::unexpected(std::move(connection.error()));
  }
  return std::shared_ptr<SqliteStore>(
      new SqliteStore({.path = path, .only_writer = options.only_writer}, options, std::move(*connection)));
}

std::expected<std::shared_ptr<SqliteStore>, Error> SqliteStore::open_in_memory(const Limits& limits) {
  static std::atomic<std::uint64_t> next = 0;
  const std::string path = std::string(kMemoryPath) + std::to_string(next++) + "?vfs=memdb";
  const Options options{.limits = limits};
  auto keeper = SqlConnection::open(path, Access::kCreate, options.busy_timeout);
  auto connection = SqlConnection::open(path, Access::kWrite, options.busy_timeout);
  if (!keeper || !connection) {
    return std::unexpected(std::move(keeper ? connection.error() : keeper.error()));
  }
  // No snapshot beyond a read: it would be in the writer's way.
  const std::shared_ptr<SqliteStore> store(new SqliteStore(
      {.path = path, .busy_timeout = options.busy_timeout, .only_writer = false}, options, std::move(*connection)));
  store->keeper_.emplace(std::move(*keeper));
  return store;
}

SqliteStore::SqliteStore(ReadSettings read, const Options& options, SqlConnection connection)
    : readers_(std::make_shared<ReadConnections>(read)),
      writer_(WriterSettings{.path = read.path, .busy_timeout = options.busy_timeout, .limits = options.limits},
              std::move(connection), [readers = readers_] { readers->count_commit(); }) {}

SqliteStore::~SqliteStore() { close(); }

std::expected<std::shared_ptr<Collection>, Error> SqliteStore::open_collection(const Table& table) {
  auto sql = TableSql::make(table);
  if (!sql) {
    return std::unexpected(std::move(sql.error()));
  }
  if (auto synced = writer_.run([&](SqlConnection& connection) { return sync_table(connection, table, *sql); });
      !synced) {
    return std::unexpected(std::move(synced.error()));
  }
  const std::lock_guard lock(mutex_);
  return std::make_shared<SqliteCollection>(table, std::move(*sql), tables_++, readers_, slow_reads_);
}

void SqliteStore::submit(std::unique_ptr<WriteJob> job) { writer_.submit(std::move(job)); }

void SqliteStore::suspend() noexcept {
  readers_->suspend();
  writer_.suspend();
}

void SqliteStore::resume() noexcept {
  writer_.resume();
  readers_->resume();
}

// The writer's mutex may be held by a thread that the child has not; nobody asks for it there.
void SqliteStore::forget_in_child() noexcept { readers_->resume(); }

void SqliteStore::close() noexcept {
  // The last connection to close empties the log into the database: the writer, which may write.
  readers_->close();
  slow_reads_->close();
  writer_.close();
  keeper_.reset();
}

}  // namespace data_bridge::storage::sqlite
