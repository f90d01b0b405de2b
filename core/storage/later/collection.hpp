// One mount of a table: its reads.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/admission.hpp"
#include "storage/later/database.hpp"
#include "storage/later/item.hpp"
#include "storage/later/page.hpp"
#include "storage/later/scheduler.hpp"
#include "storage/later/schema.hpp"
#include "storage/store.hpp"

namespace data_bridge::storage::later {

/// What a store and its collections have in common.
struct Engine {
  Engine(std::shared_ptr<Database> of, const Timing& timing, runtime::Admission::Bound reads_bound,
         runtime::Admission::Bound writes_bound)
      : database(std::move(of)), reads(reads_bound), writes(writes_bound), scheduler(timing) {}

  const std::shared_ptr<Database> database;
  runtime::Admission reads;
  runtime::Admission writes;
  Scheduler scheduler;  // the last: what its threads do needs the others
};

class LaterCollection final : public Collection {
 public:
  LaterCollection(Table table, Mount mounted, std::shared_ptr<Engine> engine)
      : table_(std::move(table)), mounted_(std::move(mounted)), engine_(std::move(engine)) {}

  [[nodiscard]] const Table& table() const noexcept override { return table_; }
  void get(const Key& key, std::shared_ptr<ReadJob> job, Reading reading) override;
  void list(const ListQuery& query, std::shared_ptr<ReadJob> job, Reading reading) override;

  [[nodiscard]] const Mount& mounted() const noexcept { return mounted_; }

 private:
  /// `find` is called while the rows may be read; `terms` are those whose cells stand behind the columns.
  void read(std::shared_ptr<ReadJob> job, std::move_only_function<Page()> find, const std::vector<SortTerm>& terms,
            Reading reading);

  const Table table_;
  const Mount mounted_;
  const std::shared_ptr<Engine> engine_;
};

/// Hands an item over, with a cell for each term that lies within a column. False: no further one is wanted.
bool show(const Item& item, const std::vector<SortTerm>& terms, RowVisitor& visitor);

}  // namespace data_bridge::storage::later
