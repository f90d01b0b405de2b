// The steps of a write on the writer's connection.
#pragma once

#include <functional>

#include "storage/sqlite/collection.hpp"
#include "storage/sqlite/sql_connection.hpp"
#include "storage/sqlite/statements.hpp"
#include "storage/store.hpp"

namespace data_bridge::storage::sqlite {

class SqliteTransaction final : public WriteTransaction {
 public:
  SqliteTransaction(SqlConnection& connection, Statements& statements) noexcept
      : connection_(connection), statements_(statements) {}

  [[nodiscard]] std::expected<bool, Error> get(Collection& collection, const Key& key, RowVisitor& visitor) override;
  [[nodiscard]] std::expected<bool, Error> holds(Collection& collection, const Condition& condition) override;
  [[nodiscard]] Status insert(Collection& collection, Row& row) override;
  [[nodiscard]] std::expected<bool, Error> replace(Collection& collection, const Key& key, const Row& row) override;
  [[nodiscard]] std::expected<bool, Error> remove(Collection& collection, const Key& key) override;
  [[nodiscard]] Status remove_some(Collection& collection, const Condition& condition, std::size_t limit) override;
  [[nodiscard]] Status attempt(const std::function<Status()>& steps) override;

 private:
  /// Sets an absent key only where AUTOINCREMENT could not.
  [[nodiscard]] Status choose_key(const SqliteCollection& collection, Cell& key);
  [[nodiscard]] Status step_to_end(sqlite3_stmt* statement, const SqliteCollection& collection);

  SqlConnection& connection_;
  Statements& statements_;
};

/// The last failure on `connection`; for a broken uniqueness with the fields of `collection` it is about.
[[nodiscard]] Error write_error(const SqlConnection& connection, const SqliteCollection& collection);

}  // namespace data_bridge::storage::sqlite
