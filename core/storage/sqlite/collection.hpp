// One table, as the store's callers and its writer see it.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>

#include "storage/sqlite/read_connections.hpp"
#include "storage/sqlite/slow_reads.hpp"
#include "storage/sqlite/table_sql.hpp"
#include "storage/store.hpp"

namespace data_bridge::storage::sqlite {

class SqliteCollection final : public Collection, public std::enable_shared_from_this<SqliteCollection> {
 public:
  SqliteCollection(Table table, TableSql sql, std::size_t id, std::shared_ptr<ReadConnections> readers,
                   std::shared_ptr<SlowReads> slow_reads)
      : table_(std::move(table)),
        sql_(std::move(sql)),
        id_(id),
        readers_(std::move(readers)),
        slow_reads_(std::move(slow_reads)) {}

  [[nodiscard]] const Table& table() const noexcept override { return table_; }
  /// Answered within the call.
  void get(const Key& key, std::shared_ptr<ReadJob> job, Reading reading) override;
  /// Answered within the call, but where it takes longer than a thread has that may not wait.
  void list(const ListQuery& query, std::shared_ptr<ReadJob> job, Reading reading) override;

  [[nodiscard]] const TableSql& sql() const noexcept { return sql_; }
  [[nodiscard]] std::size_t id() const noexcept { return id_; }

 private:
  using Found = std::expected<std::uint64_t, Error>;

  [[nodiscard]] Found list_here(const ListQuery& query, ReadJob& job, Reading reading);
  [[nodiscard]] Status list_by_key(const ListQuery& query, ReadJob& job, Reading reading);
  [[nodiscard]] Status list_by_query(const ListQuery& query, ReadJob& job, Reading reading);
  [[nodiscard]] Found count(const std::optional<Condition>& condition, ReadJob& job, Reading reading);

  const Table table_;
  const TableSql sql_;
  const std::size_t id_;
  const std::shared_ptr<ReadConnections> readers_;
  const std::shared_ptr<SlowReads> slow_reads_;
};

}  // namespace data_bridge::storage::sqlite
