// The one writing thread of a store: all writes that wait become one transaction.
#include "storage/sqlite/writer.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <new>
#include <utility>

#include "runtime/thread.hpp"
#include "storage/sqlite/transaction.hpp"

namespace data_bridge::storage::sqlite {
namespace {

// Bounds how long the first write of a batch waits for the last: 512 inserts take about 2 ms.
constexpr std::size_t kMaxBatch = 512;

bool needs_fresh_connection(Errc code) noexcept {
  return code == Errc::kUnavailable || code == Errc::kIo || code == Errc::kCorrupt || code == Errc::kInternal ||
         code == Errc::kReadOnly;
}

Error overloaded() { return {Errc::kOverloaded, {}, "too many writes wait already"}; }

}  // namespace

struct Writer::Task {
  const std::function<Status(SqlConnection&)>* function;
  Status result;
  bool done = false;
  std::condition_variable finished;
};

Writer::Writer(WriterSettings settings, SqlConnection connection, std::function<void()> on_commit)
    : settings_(std::move(settings)),
      on_commit_(std::move(on_commit)),
      admission_({.items = settings_.limits.max_waiting_writes, .bytes = settings_.limits.max_waiting_bytes}),
      connection_(std::move(connection)) {
  // So that nothing of the thread's own asks for memory, which jobs may have used up.
  batch_.reserve(kMaxBatch);
  results_.reserve(kMaxBatch);
  thread_ = runtime::start_thread("sqlite-writer", [this] { work(); });
}

Writer::~Writer() { close(); }

void Writer::submit(std::unique_ptr<WriteJob> job) {
  const std::size_t bytes = job->memory();
  std::optional<Error> refusal;
  {
    const std::lock_guard lock(mutex_);
    if (closing_) {
      refusal = Error{Errc::kClosed, {}, "the store is closed"};
    } else if (!admission_.enter(bytes)) {
      refusal = overloaded();
    } else {
      try {
        queue_.push_back({.job = std::move(job), .bytes = bytes});
      } catch (const std::bad_alloc&) {  // only of the queue itself: the job is still here
        admission_.leave(bytes);
        refusal = overloaded();
      }
    }
    if (!refusal) {
      if (queue_.size() == 1) {
        wake_.notify_one();
      }
      return;
    }
  }
  job->finish(&*refusal);
}

Status Writer::run(const std::function<Status(SqlConnection&)>& task) {
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

void Writer::suspend() noexcept {
  std::unique_lock lock(mutex_);
  is_suspended_ = true;
  idle_.wait(lock, [this] { return !is_busy_; });
  drop_connection();
}

void Writer::resume() noexcept {
  const std::lock_guard lock(mutex_);
  is_suspended_ = false;
  wake_.notify_one();
}

void Writer::work() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return !is_suspended_ && (closing_ || !queue_.empty() || !tasks_.empty()); });
    if (tasks_.empty() && queue_.empty()) {
      drop_connection();  // closing, and everything is done
      return;
    }
    is_busy_ = true;
    if (!tasks_.empty()) {
      Task* const task = tasks_.front();
      tasks_.erase(tasks_.begin());
      lock.unlock();
      run_task(*task);
      lock.lock();
      task->done = true;
      task->finished.notify_one();
    } else {
      const std::size_t count = std::min(queue_.size(), kMaxBatch);
      const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
      batch_.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
      queue_.erase(queue_.begin(), end);
      lock.unlock();
      run_batch();
      lock.lock();
    }
    is_busy_ = false;
    idle_.notify_all();
  }
}

void Writer::run_task(Task& task) noexcept {
  try {
    auto ready = ensure_connection();
    task.result = ready ? (*task.function)(*connection_) : std::move(ready);
  } catch (const std::exception& error) {
    task.result = std::unexpected(Error{Errc::kInternal, {}, error.what()});
  }
}

void Writer::let_go(std::vector<Waiting>& finished) noexcept {
  std::size_t bytes = 0;
  for (const Waiting& waiting : finished) bytes += waiting.bytes;
  const std::size_t items = finished.size();
  finished.clear();
  admission_.leave(bytes, items);
}

void Writer::fail_batch(const Error& error) noexcept {
  std::vector<Waiting> rest;
  if (error.code == Errc::kBusy) {
    // Before anyone is answered: who asks again behind that answer is another case.
    const std::lock_guard lock(mutex_);
    rest.swap(queue_);
  }
  for (const Waiting& waiting : batch_) waiting.job->finish(&error);
  let_go(batch_);
  for (const Waiting& waiting : rest) waiting.job->finish(&error);
  let_go(rest);
}

// Nobody would hear of what they do.
void Writer::drop_unwanted() noexcept {
  const Error abandoned{Errc::kAbandoned, {}, {}};
  std::size_t kept = 0;
  for (std::size_t at = 0; at < batch_.size(); ++at) {
    if (!batch_[at].job->is_wanted()) {
      batch_[at].job->finish(&abandoned);
      batch_[at].job.reset();
      admission_.leave(batch_[at].bytes);
    } else if (kept++ != at) {
      batch_[kept - 1] = std::move(batch_[at]);
    }
  }
  batch_.erase(batch_.begin() + static_cast<std::ptrdiff_t>(kept), batch_.end());
}

void Writer::run_batch() noexcept {
  drop_unwanted();
  if (batch_.empty()) {
    return;
  }
  if (auto begun = begin(); !begun) {
    roll_back();
    fail_batch(begun.error());
    if (needs_fresh_connection(begun.error().code)) {
      drop_connection();
    }
    return;
  }
  drop_unwanted();  // beginning may have waited for seconds
  results_.clear();
  const auto committed = execute_batch();
  if (committed) {
    on_commit_();
    for (std::size_t at = 0; at < batch_.size(); ++at) {
      batch_[at].job->finish(results_[at] ? nullptr : &results_[at].error());
    }
    let_go(batch_);
    return;
  }
  roll_back();
  fail_batch(committed.error());
  if (needs_fresh_connection(committed.error().code)) {
    drop_connection();
  }
}

Status Writer::execute_batch() {
  SqliteTransaction transaction(*connection_, statements_);
  for (const Waiting& waiting : batch_) {
    try {
      results_.push_back(execute(*waiting.job, transaction));
    } catch (const std::exception& error) {
      // Out of memory, somewhere inside the job: what it has written already is not known here.
      return std::unexpected(Error{Errc::kInternal, {}, error.what()});
    }
    if (connection_->in_autocommit()) {
      // The failure (no space, I/O) has rolled back the whole transaction: nothing of this batch may be answered.
      return std::unexpected(results_.back() ? connection_->last_error() : results_.back().error());
    }
  }
  const int step = sqlite3_step(commit_.get());
  Status committed;
  if (step != SQLITE_DONE) {
    committed = std::unexpected(connection_->last_error());
  }
  sqlite3_reset(commit_.get());
  return committed;
}

Status Writer::begin() {
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
  Status begun;
  if (step != SQLITE_DONE) {
    begun = std::unexpected(connection_->last_error());
  }
  sqlite3_reset(begin_.get());
  return begun;
}

Status Writer::execute(WriteJob& job, WriteTransaction& transaction) {
  if (!job.has_steps()) {
    return job.execute(transaction);  // a statement that fails undoes itself
  }
  return transaction.attempt([&] { return job.execute(transaction); });
}

void Writer::roll_back() noexcept {
  if (connection_ && !connection_->in_autocommit()) {
    sqlite3_exec(connection_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

Status Writer::ensure_connection() {
  if (connection_) {
    return {};
  }
  // Never creates: a database that was moved away must not come back as an empty one.
  auto opened = SqlConnection::open(settings_.path, Access::kWrite, settings_.busy_timeout);
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
