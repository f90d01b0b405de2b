// The one writing thread of a store: all writes that wait become one transaction.
#include "storage/sqlite/writer.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "storage/sqlite/transaction.hpp"

namespace data_bridge::storage::sqlite {
namespace {

// Bounds how long the first write of a batch waits for the last: 512 inserts take about 2 ms.
constexpr std::size_t kMaxBatch = 512;

bool needs_fresh_connection(Errc code) noexcept {
  return code == Errc::kUnavailable || code == Errc::kIo || code == Errc::kCorrupt || code == Errc::kInternal ||
         code == Errc::kReadOnly;
}

}  // namespace

struct Writer::Task {
  const std::function<std::expected<void, Error>(Connection&)>* function;
  std::expected<void, Error> result;
  bool done = false;
  std::condition_variable finished;
};

Writer::Writer(WriterSettings settings, Connection connection, std::function<void()> on_commit)
    : settings_(std::move(settings)),
      on_commit_(std::move(on_commit)),
      connection_(std::move(connection)),
      thread_([this] { work(); }) {}

Writer::~Writer() { close(); }

void Writer::submit(std::unique_ptr<WriteJob> job) {
  {
    const std::lock_guard lock(mutex_);
    if (!closing_) {
      queue_.push_back(std::move(job));
      if (queue_.size() == 1) {
        wake_.notify_one();
      }
      return;
    }
  }
  const Error closed{Errc::kClosed, {}, "the store is closed"};
  job->finish(&closed);
}

std::expected<void, Error> Writer::run(const std::function<std::expected<void, Error>(Connection&)>& task) {
  Task entry{.function = &task, .result = {}, .done = false, .finished = {}};
  std::unique_lock lock(mutex_);
  if (closing_) {
    return std::unexpected(Error{Errc::kClosed, {}, "the store is closed"});
  }
  tasks_.push_back(&entry);
  wake_.notify_one();
  entry.finished.wait(lock, [&entry] { return entry.done; });
  return std::move(entry.result);
}

void Writer::close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Writer::work() noexcept {
  std::vector<std::unique_ptr<WriteJob>> batch;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return closing_ || !queue_.empty() || !tasks_.empty(); });
    if (!tasks_.empty()) {
      Task* const task = tasks_.front();
      tasks_.erase(tasks_.begin());
      lock.unlock();
      auto ready = ensure_connection();
      auto result = ready ? (*task->function)(*connection_) : std::move(ready);
      lock.lock();
      task->result = std::move(result);
      task->done = true;
      task->finished.notify_one();
      continue;
    }
    if (queue_.empty()) {
      break;  // closing, and everything is done
    }
    const std::size_t count = std::min(queue_.size(), kMaxBatch);
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
    batch.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
    queue_.erase(queue_.begin(), end);
    lock.unlock();
    run_batch(batch);
    batch.clear();
    lock.lock();
  }
  lock.unlock();
  drop_connection();
}

void Writer::run_batch(std::vector<std::unique_ptr<WriteJob>>& jobs) noexcept {
  if (auto begun = begin(); !begun) {
    roll_back();
    for (const auto& job : jobs) {
      job->finish(&begun.error());
    }
    if (needs_fresh_connection(begun.error().code)) {
      drop_connection();
    }
    return;
  }
  SqliteTransaction transaction(*connection_, statements_);
  std::vector<std::expected<void, Error>> results;
  results.reserve(jobs.size());
  std::expected<void, Error> committed;
  for (const auto& job : jobs) {
    results.push_back(execute(*job, transaction));
    if (connection_->in_autocommit()) {
      // The failure (no space, I/O) has rolled back the whole transaction: nothing of this batch may be answered.
      committed = std::unexpected(results.back() ? connection_->last_error() : results.back().error());
      break;
    }
  }
  if (committed) {
    const int step = sqlite3_step(commit_.get());
    if (step != SQLITE_DONE) {
      committed = std::unexpected(connection_->last_error());
    }
    sqlite3_reset(commit_.get());
  }
  if (committed) {
    on_commit_();
    for (std::size_t at = 0; at < jobs.size(); ++at) {
      jobs[at]->finish(results[at] ? nullptr : &results[at].error());
    }
    return;
  }
  roll_back();
  for (const auto& job : jobs) {
    job->finish(&committed.error());
  }
  if (needs_fresh_connection(committed.error().code)) {
    drop_connection();
  }
}

std::expected<void, Error> Writer::begin() {
  if (connection_ && connection_->file_has_moved()) {
    drop_connection();
  }
  if (auto ready = ensure_connection(); !ready) {
    return ready;
  }
  if (begin_ == nullptr) {
    // IMMEDIATE: a transaction that begins by reading fails at its first write, without waiting, where another
    // process has written in between.
    auto begin = connection_->prepare("BEGIN IMMEDIATE");
    auto commit = connection_->prepare("COMMIT");
    if (!begin || !commit) {
      return std::unexpected(std::move(begin ? commit.error() : begin.error()));
    }
    begin_ = std::move(*begin);
    commit_ = std::move(*commit);
  }
  const int step = sqlite3_step(begin_.get());
  std::expected<void, Error> begun;
  if (step != SQLITE_DONE) {
    begun = std::unexpected(connection_->last_error());
  }
  sqlite3_reset(begin_.get());
  return begun;
}

std::expected<void, Error> Writer::execute(WriteJob& job, WriteTransaction& transaction) {
  if (!job.has_steps()) {
    return job.execute(transaction);  // a statement that fails undoes itself
  }
  if (auto saved = connection_->execute("SAVEPOINT job"); !saved) {
    return saved;
  }
  auto done = job.execute(transaction);
  if (connection_->in_autocommit()) {
    return done;
  }
  if (!done) {
    if (auto undone = connection_->execute("ROLLBACK TO job"); !undone) {
      roll_back();
      return done;
    }
  }
  if (auto released = connection_->execute("RELEASE job"); !released && done) {
    return released;
  }
  return done;
}

void Writer::roll_back() noexcept {
  if (connection_ && !connection_->in_autocommit()) {
    sqlite3_exec(connection_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

std::expected<void, Error> Writer::ensure_connection() {
  if (connection_) {
    return {};
  }
  // Never creates: a database that was moved away must not come back as an empty one.
  auto opened = Connection::open(settings_.path, Access::kWrite, settings_.busy_timeout);
  if (!opened) {
    return std::unexpected(std::move(opened.error()));
  }
  connection_.emplace(std::move(*opened));
  return {};
}

void Writer::drop_connection() noexcept {
  statements_.clear();
  begin_.reset();
  commit_.reset();
  connection_.reset();
}

}  // namespace data_bridge::storage::sqlite
