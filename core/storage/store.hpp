// The interface between the CRUD operations and a database.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>

#include "runtime/reactor.hpp"
#include "storage/error.hpp"
#include "storage/query.hpp"
#include "storage/row.hpp"
#include "storage/table.hpp"

namespace data_bridge::storage {

/// On what terms a thread reads.
struct Reading {
  // NOLINTNEXTLINE(google-explicit-constructor): a Reactor's thread never waits, others do unless they say so
  Reading(runtime::Reactor* of_thread) noexcept : reactor(of_thread), may_wait(of_thread == nullptr) {}
  /// Of a thread that others wait for.
  [[nodiscard]] static Reading at_once() noexcept {
    Reading reading(nullptr);
    reading.may_wait = false;
    return reading;
  }

  /// The calling thread's, or nullptr: all reads of the thread in one turn may share a snapshot that is dropped when
  /// the turn ends. Without it a read stands alone.
  runtime::Reactor* reactor;
  /// True: the read may be done on this thread, however long it takes.
  bool may_wait;
};

/// A read on its way: hears of what it finds. Its calls come one after the other, each on any thread, within the call
/// that begins the read or later.
class ReadJob : public RowVisitor {
 public:
  virtual ~ReadJob() = default;
  /// What has been handed over does not count: the read begins anew. Not where Reading::may_wait.
  virtual void restart() noexcept = 0;
  /// The last call, once. Of an item: 1, or 0 where there is none. Of a list: ListQuery::wants_total's number, else 0.
  /// Must not block: others wait.
  virtual void finish(std::expected<std::uint64_t, Error> found) noexcept = 0;
  /// From any thread: false where nobody would hear of the outcome any more (the client has gone). A read that has not
  /// begun then is finished with kAbandoned.
  [[nodiscard]] virtual bool is_wanted() const noexcept { return true; }
};

/// One table or collection of documents. Shared by all threads.
///
/// A read sees every write that was answered before it began. Its answer comes when the store has it: within the call
/// where it is at hand, later from a thread of the store where another machine or much work is behind it, and then in
/// any order with other reads. A read ends with kTimeout after Table::query_timeout, and with kOverloaded where more
/// wait than the store takes.
class Collection {
 public:
  virtual ~Collection() = default;
  [[nodiscard]] virtual const Table& table() const noexcept = 0;

  /// `key` is valid until the job's finish().
  virtual void get(const Key& key, std::shared_ptr<ReadJob> job, Reading reading) = 0;
  /// Rows have behind their columns one cell for each sort term that lies within a column (Field::members), in order.
  /// `query` is valid until the job's finish().
  virtual void list(const ListQuery& query, std::shared_ptr<ReadJob> job, Reading reading) = 0;
};

/// The transaction that a WriteJob runs in. Valid during WriteJob::execute().
///
/// A failed call has changed nothing and leaves the transaction usable.
class WriteTransaction {
 public:
  /// Sees the writes made before in this transaction.
  [[nodiscard]] virtual std::expected<bool, Error> get(Collection& collection, const Key& key, RowVisitor& visitor) = 0;
  /// Whether `condition` holds for any item, as the transaction sees them.
  [[nodiscard]] virtual std::expected<bool, Error> holds(Collection& collection, const Condition& condition) = 0;
  /// Assigns the key where its cell is NULL (not for KeyKind::kString) and writes it into `row`.
  [[nodiscard]] virtual Status insert(Collection& collection, Row& row) = 0;
  /// False where there is no such item. The key's cell in `row` must hold `key`.
  [[nodiscard]] virtual std::expected<bool, Error> replace(Collection& collection, const Key& key, const Row& row) = 0;
  /// False where there is no such item.
  [[nodiscard]] virtual std::expected<bool, Error> remove(Collection& collection, const Key& key) = 0;
  /// Up to `limit` of the items that `condition` holds for.
  [[nodiscard]] virtual Status remove_some(Collection& collection, const Condition& condition, std::size_t limit) = 0;
  /// Runs `steps`, which may write more than once; where they fail, what they wrote is undone.
  [[nodiscard]] virtual Status attempt(const std::function<Status()>& steps) = 0;

 protected:
  ~WriteTransaction() = default;
};

/// One write of any number of steps: all of it becomes durable, or none.
class WriteJob {
 public:
  virtual ~WriteJob() = default;
  /// On a thread of the store, inside a transaction. An error undoes the whole job. Must not throw.
  [[nodiscard]] virtual Status execute(WriteTransaction& transaction) = 0;
  /// True where execute() may write more than once, so that an error half-way needs undoing.
  [[nodiscard]] virtual bool has_steps() const noexcept { return false; }
  /// What it holds in memory while it waits, about; asked before it is queued.
  [[nodiscard]] virtual std::size_t memory() const noexcept { return 0; }
  /// On a thread of the store, before execute(): false where nobody would hear of the outcome any more (the client has
  /// gone). Then it is not executed, but finished with kAbandoned.
  [[nodiscard]] virtual bool is_wanted() const noexcept { return true; }
  /// On a thread of the store, or where it is refused on that of submit(), once: with nullptr after what execute() did
  /// has become durable, else with the reason why nothing of it has. Must not block: other writes wait.
  virtual void finish(const Error* error) noexcept = 0;
};

/// A database. Shared by all threads.
class Store {
 public:
  virtual ~Store() = default;

  /// Makes the table what `table` needs: creates it and its indexes where missing, adds missing columns that are
  /// nullable or have a default. Any other difference is kSchemaMismatch; nothing is ever dropped. A table that is not
  /// to be migrated is only checked.
  [[nodiscard]] virtual std::expected<std::shared_ptr<Collection>, Error> open_collection(const Table& table) = 0;

  /// True where an item that is asked for by its key is answered within the call, so that no thread is needed to wait.
  [[nodiscard]] virtual bool answers_at_once() const noexcept { return false; }

  /// Queues a write. finish() is called exactly once, possibly before this returns: with kOverloaded where more waits
  /// than the store's Limits allow.
  virtual void submit(std::unique_ptr<WriteJob> job) = 0;
  /// How many writes have been refused with kOverloaded, and how many wait.
  [[nodiscard]] virtual std::uint64_t refused_writes() const noexcept = 0;
  [[nodiscard]] virtual std::size_t waiting_writes() const noexcept = 0;

  /// Around a fork(2), by the thread that forks: ends what runs and closes every connection, so that the child inherits
  /// none (a database's locks belong to the process that took them), then lets reads and writes go on, on new ones. In
  /// the child call forget_in_child() instead of resume(), and never destroy the store: its threads are not there.
  virtual void suspend() noexcept = 0;
  virtual void resume() noexcept = 0;
  virtual void forget_in_child() noexcept = 0;

  /// Finishes the queued writes, then closes every connection. Later calls answer kClosed.
  virtual void close() noexcept = 0;
};

}  // namespace data_bridge::storage
