// One mount of a table: its reads.
#include "storage/later/collection.hpp"

#include <chrono>
#include <mutex>
#include <shared_mutex>

namespace data_bridge::storage::later {
namespace {

/// A read on its way: it looks at the rows at one moment and hands them over at another.
class Read : public std::enable_shared_from_this<Read> {
 public:
  Read(std::shared_ptr<Engine> engine, const Mount& mount, std::shared_ptr<ReadJob> job,
       std::move_only_function<Page()> find, const std::vector<SortTerm>& terms, Clock::time_point latest,
       bool may_restart)
      : engine_(std::move(engine)),
        mount_(mount),
        job_(std::move(job)),
        find_(std::move(find)),
        terms_(terms),
        latest_(latest),
        may_restart_(may_restart) {}

  void begin() {
    if (!engine_->reads.enter(0)) return finish(Errc::kOverloaded);
    admitted_ = true;
    const bool taken =
        engine_->scheduler.add([self = shared_from_this()] { self->look(); }, Scheduler::Order::kFree, latest_);
    if (!taken) finish(Errc::kClosed);
  }

 private:
  void look() {
    if (engine_->scheduler.is_closing()) return finish(Errc::kClosed);
    if (!job_->is_wanted()) return finish(Errc::kAbandoned);
    if (Clock::now() >= latest_) return finish(Errc::kTimeout);
    {
      const std::shared_lock lock(engine_->database->mutex);
      page_ = find_();
    }
    engine_->scheduler.add_from_task([self = shared_from_this()] { self->hand_over(); }, latest_);
  }

  void hand_over() {
    if (Clock::now() >= latest_) return finish(Errc::kTimeout);
    if (may_restart_ && engine_->scheduler.happens_once_in(4)) {  // as where a connection breaks meanwhile
      show_rows(page_.rows.size() / 2 + 1);
      job_->restart();
    }
    show_rows(page_.rows.size());
    finish(page_.total);
  }

  void show_rows(std::size_t most) {
    for (std::size_t at = 0; at < page_.rows.size() && at < most; ++at) {
      if (!show(Item(*page_.rows[at], mount_.places), terms_, *job_)) return;
    }
  }

  void finish(Errc code) { finish(std::unexpected(Error{code, {}, "the test store says so"})); }
  void finish(std::expected<std::uint64_t, Error> found) {
    job_->finish(std::move(found));
    job_.reset();  // and with it what belongs to whoever asked
    if (admitted_) engine_->reads.leave(0);
  }

  const std::shared_ptr<Engine> engine_;
  const Mount mount_;
  std::shared_ptr<ReadJob> job_;
  std::move_only_function<Page()> find_;
  const std::vector<SortTerm>& terms_;
  const Clock::time_point latest_;
  const bool may_restart_;
  Page page_{};
  bool admitted_ = false;
};

}  // namespace

bool show(const Item& item, const std::vector<SortTerm>& terms, RowVisitor& visitor) {
  Row behind;
  for (const SortTerm& term : terms) {
    if (!term.field.members.empty()) behind.push_back(value_of(item, term.field));
  }
  std::vector<CellView> cells;
  for (std::size_t at = 0; at < item.size(); ++at) cells.push_back(view_of(item[at]));
  for (const Cell& cell : behind) cells.push_back(view_of(cell));
  return visitor.on_row(cells);
}

void LaterCollection::read(std::shared_ptr<ReadJob> job, std::move_only_function<Page()> find,
                           const std::vector<SortTerm>& terms, Reading reading) {
  const bool has_limit = table_.query_timeout.count() != 0;
  const auto latest = has_limit ? Clock::now() + table_.query_timeout : Clock::time_point::max();
  std::make_shared<Read>(engine_, mounted_, std::move(job), std::move(find), terms, latest, !reading.may_wait)->begin();
}

void LaterCollection::get(const Key& key, std::shared_ptr<ReadJob> job, Reading reading) {
  static const std::vector<SortTerm> none;
  read(
      std::move(job),
      // The key is not copied: it is whoever asks who keeps it until the end.
      [&key, table = mounted_.table] {
        const auto found = table->rows.find(key);
        return found == table->rows.end() ? Page{} : Page{.rows = {found->second}, .total = 1};
      },
      none, reading);
}

void LaterCollection::list(const ListQuery& query, std::shared_ptr<ReadJob> job, Reading reading) {
  read(
      std::move(job), [&query, mount = mounted_] { return find_page(*mount.table, mount.places, query); }, query.sort,
      reading);
}

}  // namespace data_bridge::storage::later
