// The steps of a write, kept beside the database until all of them are done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>

#include "storage/later/database.hpp"
#include "storage/later/item.hpp"
#include "storage/later/schema.hpp"
#include "storage/store.hpp"

namespace data_bridge::storage::later {

/// By a thread that holds Database::writing: nobody else changes what it reads.
class Transaction final : public WriteTransaction {
 public:
  [[nodiscard]] std::expected<bool, Error> get(Collection& collection, const Key& key, RowVisitor& visitor) override;
  [[nodiscard]] std::expected<bool, Error> holds(Collection& collection, const Condition& condition) override;
  [[nodiscard]] Status insert(Collection& collection, Row& row) override;
  [[nodiscard]] std::expected<bool, Error> replace(Collection& collection, const Key& key, const Row& row) override;
  [[nodiscard]] std::expected<bool, Error> remove(Collection& collection, const Key& key) override;
  [[nodiscard]] Status remove_some(Collection& collection, const Condition& condition, std::size_t limit) override;
  [[nodiscard]] Status attempt(const std::function<Status()>& steps) override;

  /// From here on everybody sees what was done.
  void commit(Database& database) const;

 private:
  struct Changes {
    Rows rows;  ///< nullptr: removed
    std::int64_t last_key = 0;
  };

  [[nodiscard]] Changes& changes_of(StoredTable& table);
  [[nodiscard]] Stored find(StoredTable& table, const Key& key);
  /// False once `each` says so.
  void for_each(StoredTable& table, const std::function<bool(const Key&, const Row&)>& each);
  [[nodiscard]] Status assign_key(StoredTable& table, Cell& key);
  /// Whether no other item has what is to occur once.
  [[nodiscard]] Status check_unique(StoredTable& table, const Key& key, const Row& row);

  std::map<StoredTable*, Changes> changes_;
};

}  // namespace data_bridge::storage::later
