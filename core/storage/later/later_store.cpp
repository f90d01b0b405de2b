// A store for the tests that answers as one on another machine does: later, from other threads, in any order.
#include "storage/later/later_store.hpp"

#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include "storage/later/transaction.hpp"

namespace data_bridge::storage::later {
namespace {

Error closed() { return {Errc::kClosed, {}, "the store is closed"}; }

std::optional<Error> run(Database& database, WriteJob& job) noexcept {
  if (!job.is_wanted()) return Error{Errc::kAbandoned, {}, {}};
  try {
    const std::lock_guard turn(database.writing);
    Transaction transaction;
    if (auto done = job.execute(transaction); !done) return std::move(done.error());
    transaction.commit(database);
    return std::nullopt;
  } catch (const std::exception& error) {
    return Error{Errc::kInternal, {}, error.what()};
  }
}

}  // namespace

std::expected<std::shared_ptr<LaterStore>, Error> LaterStore::open(const std::string& name, const Options& options) {
  if (name.empty()) return std::unexpected(Error{Errc::kInvalidArgument, {}, "a store in memory needs a name"});
  return std::shared_ptr<LaterStore>(new LaterStore(name, options));
}

LaterStore::LaterStore(const std::string& name, const Options& options)
    : engine_(std::make_shared<Engine>(database_of(name), options.timing,
                                       runtime::Admission::Bound{.items = options.max_waiting_reads, .bytes = 0},
                                       runtime::Admission::Bound{.items = options.limits.max_waiting_writes,
                                                                 .bytes = options.limits.max_waiting_bytes})) {}

std::expected<std::shared_ptr<Collection>, Error> LaterStore::open_collection(const Table& table) {
  if (engine_->scheduler.is_closing()) return std::unexpected(closed());
  auto mounted = mount(*engine_->database, table);
  if (!mounted) return std::unexpected(std::move(mounted.error()));
  return std::make_shared<LaterCollection>(table, std::move(*mounted), engine_);
}

void LaterStore::submit(std::unique_ptr<WriteJob> submitted) {
  const std::shared_ptr<WriteJob> job = std::move(submitted);
  const std::size_t bytes = job->memory();
  if (engine_->scheduler.is_closing()) {
    const Error error = closed();
    return job->finish(&error);
  }
  if (!engine_->writes.enter(bytes)) {
    const Error error{Errc::kOverloaded, {}, "too many writes wait already"};
    return job->finish(&error);
  }
  // By address: close() waits for every task.
  auto* const engine = engine_.get();
  const bool taken = engine_->scheduler.add(
      [engine, job, bytes] {
        engine->scheduler.add_from_task(
            [engine, job, bytes, error = run(*engine->database, *job)] {
              job->finish(error ? &*error : nullptr);
              engine->writes.leave(bytes);
            },
            Clock::time_point::max());
      },
      Scheduler::Order::kInTurn);
  if (taken) return;
  engine_->writes.leave(bytes);
  const Error error = closed();
  job->finish(&error);
}

}  // namespace data_bridge::storage::later
