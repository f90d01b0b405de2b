// What is done to a database beside serving it: copies, and a look at its integrity.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "storage/error.hpp"
#include "storage/sqlite/sql_connection.hpp"

namespace data_bridge::storage::sqlite {

/// A copy of a database as it was at one moment, whoever writes meanwhile; nobody waits for it, but the write-ahead log
/// grows until it is done. Under its name only when it is whole and on the disk: a copy that is broken off leaves none.
class Backup {
 public:
  /// kUnavailable where there is no such database, kInvalidArgument where `target` exists already.
  [[nodiscard]] static std::expected<Backup, Error> begin(const std::string& path, const std::string& target);
  Backup(Backup&& other) noexcept;
  Backup& operator=(Backup&&) = delete;
  ~Backup();

  /// Copies some more; true when all is done.
  [[nodiscard]] std::expected<bool, Error> step();
  /// In pages. 0 of 0 before the first step.
  [[nodiscard]] std::uint64_t copied() const noexcept { return total_ - left_; }
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }

 private:
  struct CloseHandle {
    void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
  };
  struct Finish {
    void operator()(sqlite3_backup* backup) const noexcept { sqlite3_backup_finish(backup); }
  };

  Backup(SqlConnection source, std::string target) noexcept;
  [[nodiscard]] Error copy_error() const;
  [[nodiscard]] Status publish();

  SqlConnection source_;  // in a transaction: the moment
  std::string target_;
  std::string unfinished_;  // the file's name until it is whole; empty: nothing is left of it
  std::unique_ptr<sqlite3, CloseHandle> copy_;
  std::unique_ptr<sqlite3_backup, Finish> backup_;  // ends before what it copies between
  std::uint64_t left_ = 0;
  std::uint64_t total_ = 0;
};

/// What is wrong with the file at `path`, in SQLite's words, the first hundred; nothing where it is whole.
[[nodiscard]] std::expected<std::vector<std::string>, Error> find_damage(const std::string& path);

}  // namespace data_bridge::storage::sqlite
