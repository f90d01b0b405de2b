// One table, as the store's callers and its writer see it.
#pragma once

#include <memory>

#include "storage/sqlite/read_connections.hpp"
#include "storage/sqlite/table_sql.hpp"
#include "storage/store.hpp"

namespace data_bridge::storage::sqlite {

class SqliteCollection final : public Collection {
 public:
  SqliteCollection(Table table, TableSql sql, std::size_t id, std::shared_ptr<ReadConnections> readers)
      : table_(std::move(table)), sql_(std::move(sql)), id_(id), readers_(std::move(readers)) {}

  [[nodiscard]] const Table& table() const noexcept override { return table_; }
  [[nodiscard]] std::expected<bool, Error> get(const Key& key, RowVisitor& visitor, Reading reading) override;
  [[nodiscard]] Status list(const ListQuery& query, RowVisitor& visitor, Reading reading) override;
  [[nodiscard]] std::expected<std::uint64_t, Error> count(const std::optional<Condition>& condition,
                                                          Reading reading) override;

  [[nodiscard]] const TableSql& sql() const noexcept { return sql_; }
  [[nodiscard]] std::size_t id() const noexcept { return id_; }

 private:
  [[nodiscard]] Status list_by_key(const ListQuery& query, RowVisitor& visitor, Reading reading);

  const Table table_;
  const TableSql sql_;
  const std::size_t id_;
  const std::shared_ptr<ReadConnections> readers_;
};

}  // namespace data_bridge::storage::sqlite
