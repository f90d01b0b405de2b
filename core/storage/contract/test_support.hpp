// What the tests of any store share: reads that are waited for, jobs made of lambdas, rows as vectors.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/store.hpp"

namespace data_bridge::storage::contract {

/// What a read has found.
struct Found {
  std::expected<std::uint64_t, Error> count;
  std::vector<Row> rows;
};

/// Keeps what it hears of. Fails where it hears of something after the end, or of two things at once.
class KeptRead final : public ReadJob {
 public:
  explicit KeptRead(std::size_t most_rows = SIZE_MAX) : most_rows_(most_rows) {}

  bool on_row(RowView view) override {
    const Call call(*this);
    Row row;
    for (const CellView& cell : view) row.push_back(to_cell(cell));
    found_.rows.push_back(std::move(row));
    return found_.rows.size() < most_rows_;
  }
  void restart() noexcept override {
    const Call call(*this);
    found_.rows.clear();
  }
  void finish(std::expected<std::uint64_t, Error> count) noexcept override {
    {
      const Call call(*this);
      found_.count = std::move(count);
      is_finished_ = true;
    }
    if (then_) then_();
    promise_.set_value(std::move(found_));
  }
  bool is_wanted() const noexcept override { return is_wanted_; }

  void abandon() noexcept { is_wanted_ = false; }
  /// To be called at the end, on the thread of it.
  void at_end(std::function<void()> then) { then_ = std::move(then); }
  [[nodiscard]] std::future<Found> future() { return promise_.get_future(); }

 private:
  class Call {
   public:
    explicit Call(KeptRead& job) : job_(job) {
      EXPECT_FALSE(job_.is_called_.exchange(true)) << "two calls at once";
      EXPECT_FALSE(job_.is_finished_) << "a call after finish()";
    }
    ~Call() { job_.is_called_ = false; }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    KeptRead& job_;
  };

  const std::size_t most_rows_;
  Found found_{};
  std::function<void()> then_;
  std::promise<Found> promise_;
  std::atomic<bool> is_called_ = false;
  std::atomic<bool> is_finished_ = false;
  std::atomic<bool> is_wanted_ = true;
};

inline Found wait_for_get(Collection& collection, const Key& key, Reading reading = Reading::at_once()) {
  const auto job = std::make_shared<KeptRead>();
  auto found = job->future();
  collection.get(key, job, reading);
  return found.get();
}

inline Found wait_for_list(Collection& collection, const ListQuery& query, Reading reading = Reading::at_once()) {
  const auto job = std::make_shared<KeptRead>();
  auto found = job->future();
  collection.list(query, job, reading);
  return found.get();
}

class LambdaJob final : public WriteJob {
 public:
  using Execute = std::function<Status(WriteTransaction&)>;
  static constexpr std::size_t kMemory = 100;  // what each says of itself

  LambdaJob(Execute execute, std::function<void(const Error*)> finish, bool steps)
      : execute_(std::move(execute)), finish_(std::move(finish)), steps_(steps) {}

  Status execute(WriteTransaction& transaction) override { return execute_(transaction); }
  bool has_steps() const noexcept override { return steps_; }
  std::size_t memory() const noexcept override { return kMemory; }
  bool is_wanted() const noexcept override { return wanted == nullptr || *wanted; }
  void finish(const Error* error) noexcept override { finish_(error); }

  std::shared_ptr<std::atomic<bool>> wanted;

 private:
  Execute execute_;
  std::function<void(const Error*)> finish_;
  bool steps_;
};

/// `steps`: see WriteJob::has_steps().
inline std::future<Status> submit(Store& store, LambdaJob::Execute execute,
                                  std::shared_ptr<std::atomic<bool>> wanted = nullptr, bool steps = true) {
  auto promise = std::make_shared<std::promise<Status>>();
  auto future = promise->get_future();
  auto job = std::make_unique<LambdaJob>(
      std::move(execute),
      [promise](const Error* error) { promise->set_value(error == nullptr ? Status() : std::unexpected(*error)); },
      steps);
  job->wanted = std::move(wanted);
  store.submit(std::move(job));
  return future;
}

/// Inserts and waits; the row as stored, with its key.
inline std::expected<Row, Error> insert(Store& store, Collection& collection, Row row) {
  auto done = submit(store, [&](WriteTransaction& transaction) { return transaction.insert(collection, row); }).get();
  if (!done) return std::unexpected(std::move(done.error()));
  return row;
}

inline std::shared_ptr<Collection> open_table(Store& store, const Table& table) {
  auto collection = store.open_collection(table);
  EXPECT_TRUE(collection.has_value()) << (collection ? "" : collection.error().detail);
  return collection ? *collection : nullptr;
}

}  // namespace data_bridge::storage::contract
