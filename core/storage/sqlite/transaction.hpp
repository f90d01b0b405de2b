// The steps of a write on the writer's connection.
#pragma once

#include "storage/sqlite/collection.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/statements.hpp"
#include "storage/store.hpp"

namespace data_bridge::storage::sqlite {

class SqliteTransaction final : public WriteTransaction {
 public:
  SqliteTransaction(Connection& connection, Statements& statements) noexcept
      : connection_(connection), statements_(statements) {}

  [[nodiscard]] std::expected<bool, Error> get(Collection& collection, const Key& key, RowVisitor& visitor) override;
  [[nodiscard]] std::expected<void, Error> insert(Collection& collection, Row& row) override;
  [[nodiscard]] std::expected<bool, Error> replace(Collection& collection, const Key& key, const Row& row) override;
  [[nodiscard]] std::expected<bool, Error> remove(Collection& collection, const Key& key) override;

 private:
  /// Sets an absent key only where AUTOINCREMENT could not.
  [[nodiscard]] std::expected<void, Error> choose_key(const SqliteCollection& collection, Cell& key);
  [[nodiscard]] std::expected<void, Error> step_to_end(sqlite3_stmt* statement, const SqliteCollection& collection);

  Connection& connection_;
  Statements& statements_;
};

/// The last failure on `connection`; for a broken uniqueness with the fields of `collection` it is about.
[[nodiscard]] Error write_error(const Connection& connection, const SqliteCollection& collection);

}  // namespace data_bridge::storage::sqlite
