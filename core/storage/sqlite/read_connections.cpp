// One reading connection per thread, with one snapshot per turn of the thread's Reactor.
#include "storage/sqlite/read_connections.hpp"

#include <algorithm>
#include <utility>

namespace data_bridge::storage::sqlite {
namespace {

constexpr std::chrono::seconds kFileCheckInterval{1};

// What a query may take of a thread that others wait for, before it is asked again on one that may wait: a thousand
// times as long as an ordinary page takes.
constexpr std::chrono::milliseconds kMostAtOnce{5};

// Steps of SQLite's machine between two looks at the clock: some 20 us.
constexpr int kStepsBetweenLooks = 1000;

std::chrono::milliseconds time_for(const WatchedQuery& query) noexcept {
  const bool is_short = query.timeout.count() != 0 && query.timeout < kMostAtOnce;
  return query.reading.may_wait || is_short ? query.timeout : kMostAtOnce;
}

class ThreadEntry {
 public:
  ThreadEntry(std::uint64_t store_id, std::shared_ptr<ReadConnection> connection) noexcept
      : store_id_(store_id), connection_(std::move(connection)) {}
  ThreadEntry(ThreadEntry&&) noexcept = default;
  ThreadEntry& operator=(ThreadEntry&& other) noexcept {
    std::swap(store_id_, other.store_id_);
    connection_.swap(other.connection_);
    return *this;
  }
  ~ThreadEntry() {
    if (connection_ != nullptr) connection_->leave();
  }

  [[nodiscard]] std::uint64_t store_id() const noexcept { return store_id_; }
  [[nodiscard]] ReadConnection& connection() const noexcept { return *connection_; }

 private:
  std::uint64_t store_id_;
  std::shared_ptr<ReadConnection> connection_;
};

// A handful of stores at most, so a scan is shorter than a hash.
thread_local std::vector<ThreadEntry> thread_connections;

std::uint64_t next_store_id() noexcept {
  static std::atomic<std::uint64_t> next = 0;
  return next.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

Status ReadConnection::open() {
  auto opened = SqlConnection::open(settings_.path, Access::kRead, settings_.busy_timeout);
  if (!opened) {
    return std::unexpected(std::move(opened.error()));
  }
  auto begin = opened->prepare("BEGIN");
  auto end = opened->prepare("COMMIT");
  if (!begin || !end) {
    return std::unexpected(opened->last_error());
  }
  sqlite3_progress_handler(opened->handle(), kStepsBetweenLooks, &ReadConnection::on_progress, this);
  connection_.emplace(std::move(*opened));
  begin_ = std::move(*begin);
  end_ = std::move(*end);
  checked_file_ = runtime::Clock::now();
  return {};
}

Status ReadConnection::prepare_for_read(runtime::Reactor* reactor) {
  if (closed_) {
    return std::unexpected(Error{Errc::kClosed, {}, "the store is closed"});
  }
  // Before the snapshot is taken: at worst a commit is both counted as unseen and seen.
  const std::uint64_t commits = commits_.load(std::memory_order_acquire);
  if (in_snapshot_) {
    if (reactor != nullptr && snapshot_commits_ == commits) {
      return {};
    }
    end_snapshot();
  }
  if (connection_ && runtime::Clock::now() - checked_file_ > kFileCheckInterval) {
    if (connection_->file_has_moved()) {
      drop_connection();
    } else {
      checked_file_ = runtime::Clock::now();
    }
  }
  if (!connection_) {
    if (auto opened = open(); !opened) {
      return opened;
    }
  }
  if (reactor != nullptr && settings_.only_writer) {
    const int step = sqlite3_step(begin_.get());
    sqlite3_reset(begin_.get());
    if (step != SQLITE_DONE) {
      return std::unexpected(connection_->last_error());  // NOLINT(bugprone-unchecked-optional-access): open() set it
    }
    in_snapshot_ = true;
    snapshot_commits_ = commits;
    reactor->at_turn_end(*this);
    hook_pending_ = true;
  }
  return {};
}

int ReadConnection::on_progress(void* connection) noexcept {
  const auto& self = *static_cast<const ReadConnection*>(connection);
  if (self.watched_ == nullptr) {  // no query: soon done
    return 0;
  }
  return self.is_stopping_.load(std::memory_order_relaxed) || !self.watched_->is_wanted() ||
                 runtime::Clock::now() > self.ends_
             ? 1
             : 0;
}

void ReadConnection::begin_watch(const WatchedQuery& query) noexcept {
  constexpr std::chrono::hours kForEver{24 * 365 * 100};
  const std::chrono::milliseconds time = time_for(query);
  watched_ = &query.job;
  ends_ = runtime::Clock::now() + (time.count() != 0 ? time : kForEver);
}

void ReadConnection::explain_interruption(Error& error, const WatchedQuery& query) const {
  if (error.code != Errc::kTimeout) {
    return;
  }
  if (is_stopping_.load(std::memory_order_relaxed)) {
    error = {Errc::kClosed, {}, "the store is closed"};
  } else if (!query.job.is_wanted()) {
    error = {Errc::kAbandoned, {}, {}};
  } else if (time_for(query) != query.timeout) {
    error = {Errc::kSlow, {}, {}};
  } else {
    error = {Errc::kTimeout, {}, "a query took longer than " + std::to_string(query.timeout.count()) + " ms"};
  }
}

void ReadConnection::end_snapshot() noexcept {
  // A commit of a reading transaction has nothing to write and cannot fail.
  sqlite3_step(end_.get());
  sqlite3_reset(end_.get());
  in_snapshot_ = false;
}

void ReadConnection::recover(const Error& error) noexcept {
  if (in_snapshot_) {
    end_snapshot();
  }
  switch (error.code) {
    case Errc::kUnavailable:
    case Errc::kIo:
    case Errc::kCorrupt:
    case Errc::kInternal:
      drop_connection();
      break;
    default:
      break;
  }
}

void ReadConnection::drop_connection() noexcept {
  statements_.clear();
  queries_.clear();
  begin_.reset();
  end_.reset();
  connection_.reset();
  in_snapshot_ = false;
}

void ReadConnection::on_turn_end() noexcept {
  const std::lock_guard lock(mutex_);
  hook_pending_ = false;
  if (in_snapshot_) {
    end_snapshot();
  }
}

bool ReadConnection::is_disposable() noexcept {
  const std::lock_guard lock(mutex_);
  return closed_ && !hook_pending_;
}

void ReadConnection::close() noexcept {
  is_stopping_.store(true, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  drop_connection();
  closed_ = true;
}

void ReadConnection::leave() noexcept {
  close();
  left_.store(true, std::memory_order_release);
}

void ReadConnection::suspend() noexcept {
  mutex_.lock();
  drop_connection();
}

void ReadConnection::resume() noexcept { mutex_.unlock(); }

ReadConnections::ReadConnections(ReadSettings settings) : settings_(std::move(settings)), id_(next_store_id()) {}

ReadConnections::~ReadConnections() { close(); }

std::expected<ReadConnection*, Error> ReadConnections::mine() {
  for (const ThreadEntry& entry : thread_connections) {
    if (entry.store_id() == id_) {
      return &entry.connection();
    }
  }
  auto connection = std::make_shared<ReadConnection>(settings_, commits_);
  {
    const std::lock_guard lock(mutex_);
    if (closed_) {
      return std::unexpected(Error{Errc::kClosed, {}, "the store is closed"});
    }
    std::erase_if(connections_, [](const auto& other) { return other->is_left(); });
    connections_.push_back(connection);
  }
  // Of stores that are closed, this thread's connections are empty shells by now.
  std::erase_if(thread_connections, [](const ThreadEntry& entry) { return entry.connection().is_disposable(); });
  thread_connections.emplace_back(id_, std::move(connection));
  return &thread_connections.back().connection();
}

void ReadConnections::close() noexcept {
  std::vector<std::shared_ptr<ReadConnection>> connections;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    connections.swap(connections_);
  }
  for (const auto& connection : connections) {
    connection->close();
  }
}

void ReadConnections::suspend() noexcept {
  mutex_.lock();
  for (const auto& connection : connections_) {
    connection->suspend();
  }
}

void ReadConnections::resume() noexcept {
  for (const auto& connection : connections_) {
    connection->resume();
  }
  mutex_.unlock();
}

}  // namespace data_bridge::storage::sqlite
