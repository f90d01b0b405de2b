// What is done to a database beside serving it: copies, and a look at its integrity.
#include "storage/sqlite/maintenance.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

namespace data_bridge::storage::sqlite {
namespace {

constexpr std::chrono::seconds kBusyTimeout{5};
constexpr int kPagesPerStep = 1024;
// Of waits for the copy's lock, which nobody else wants.
constexpr int kMostWaits = 500;

Error file_error(const std::string& file) {
  return {Errc::kIo, {}, file + ": " + std::strerror(errno)};  // NOLINT(concurrency-mt-unsafe): a command's one thread
}

/// A new name is only as durable as its directory.
bool sync_directory_of(const std::string& file) {
  const std::filesystem::path directory = std::filesystem::path(file).parent_path();
  const int fd = open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool synced = fsync(fd) == 0;
  close(fd);
  return synced;
}

}  // namespace

Backup::Backup(SqlConnection source, std::string target) noexcept
    : source_(std::move(source)), target_(std::move(target)) {}

Backup::Backup(Backup&& other) noexcept
    : source_(std::move(other.source_)),
      target_(std::move(other.target_)),
      unfinished_(std::exchange(other.unfinished_, {})),
      copy_(std::move(other.copy_)),
      backup_(std::move(other.backup_)),
      left_(other.left_),
      total_(other.total_) {}

Backup::~Backup() {
  backup_.reset();
  copy_.reset();
  if (!unfinished_.empty()) unlink(unfinished_.c_str());
}

std::expected<Backup, Error> Backup::begin(const std::string& path, const std::string& target) {
  std::error_code failed;
  if (target.empty() || std::filesystem::exists(std::filesystem::symlink_status(target, failed))) {
    return std::unexpected(Error{Errc::kInvalidArgument, {}, "\"" + target + "\" exists already, or is no file name"});
  }
  auto source = SqlConnection::open(path, Access::kRead, kBusyTimeout);
  if (!source) return std::unexpected(std::move(source.error()));
  if (auto begun = source->execute("BEGIN; SELECT count(*) FROM sqlite_schema"); !begun) {
    return std::unexpected(std::move(begun.error()));
  }
  Backup backup(std::move(*source), target);
  backup.unfinished_ = target + ".unfinished";
  unlink(backup.unfinished_.c_str());  // of one that was killed
  sqlite3* copy = nullptr;
  const int opened = sqlite3_open_v2(backup.unfinished_.c_str(), &copy,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE, nullptr);
  backup.copy_.reset(copy);
  if (opened == SQLITE_OK) {
    backup.backup_.reset(sqlite3_backup_init(copy, "main", backup.source_.handle(), "main"));
  }
  if (backup.backup_ == nullptr) return std::unexpected(backup.copy_error());
  return backup;
}

Error Backup::copy_error() const {
  Error error = error_of(copy_.get());
  error.detail += " (" + target_ + ")";
  return error;
}

std::expected<bool, Error> Backup::step() {
  int waits = 0;
  int done = SQLITE_OK;
  while ((done = sqlite3_backup_step(backup_.get(), kPagesPerStep)) == SQLITE_BUSY && ++waits < kMostWaits) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  left_ = static_cast<std::uint64_t>(sqlite3_backup_remaining(backup_.get()));
  total_ = static_cast<std::uint64_t>(sqlite3_backup_pagecount(backup_.get()));
  if (done == SQLITE_OK) return false;
  // The end says what a step has failed with.
  if (sqlite3_backup_finish(backup_.release()) != SQLITE_OK) return std::unexpected(copy_error());
  copy_.reset();
  if (auto published = publish(); !published) return std::unexpected(std::move(published.error()));
  return true;
}

// SQLite has synchronised the file. link(2) does not take the place of one that has come meanwhile, as rename(2) would.
Status Backup::publish() {
  if (link(unfinished_.c_str(), target_.c_str()) != 0) return std::unexpected(file_error(target_));
  unlink(unfinished_.c_str());
  unfinished_.clear();
  if (!sync_directory_of(target_)) return std::unexpected(file_error(target_));
  return {};
}

std::expected<std::vector<std::string>, Error> find_damage(const std::string& path) {
  auto connection = SqlConnection::open(path, Access::kRead, kBusyTimeout);
  if (!connection) return std::unexpected(std::move(connection.error()));
  auto check = connection->prepare("PRAGMA integrity_check(100)");
  if (!check) return std::unexpected(std::move(check.error()));
  std::vector<std::string> damage;
  int stepped = SQLITE_ROW;
  while ((stepped = sqlite3_step(check->get())) == SQLITE_ROW) {
    damage.emplace_back(read_cell(check->get(), 0).text);
  }
  if (stepped != SQLITE_DONE) return std::unexpected(connection->last_error());
  if (damage == std::vector<std::string>{"ok"}) damage.clear();
  return damage;
}

}  // namespace data_bridge::storage::sqlite
