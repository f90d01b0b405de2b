// A store for the tests that answers as one on another machine does: later, from other threads, in any order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "storage/later/collection.hpp"
#include "storage/limits.hpp"
#include "storage/store.hpp"

namespace data_bridge::storage::later {

struct Options {
  Timing timing{};
  Limits limits{};
  /// Reads that wait; beyond: kOverloaded. 0: no limit.
  std::size_t max_waiting_reads = 4096;
};

/// In memory, and nothing of it is SQLite's. Answers nothing but a refusal within a call; takes the time that it is
/// told to for each read, each write and the answer of each, so that reads overtake each other, and so do the answers
/// of writes (which are done one after the other, in the order of submit()). Now and then it begins a read anew, where
/// the reader may not wait.
///
/// Its rows belong to its name and last as long as the process: a store that is opened again has them. A forked child
/// has a copy, of which the parent sees nothing.
class LaterStore final : public Store {
 public:
  [[nodiscard]] static std::expected<std::shared_ptr<LaterStore>, Error> open(const std::string& name,
                                                                              const Options& options = {});
  ~LaterStore() override { close(); }

  [[nodiscard]] std::expected<std::shared_ptr<Collection>, Error> open_collection(const Table& table) override;
  void submit(std::unique_ptr<WriteJob> job) override;
  [[nodiscard]] std::uint64_t refused_writes() const noexcept override { return engine_->writes.refused(); }
  [[nodiscard]] std::size_t waiting_writes() const noexcept override { return engine_->writes.items(); }
  void suspend() noexcept override { engine_->scheduler.suspend(); }
  void resume() noexcept override { engine_->scheduler.resume(); }
  void forget_in_child() noexcept override { engine_->scheduler.forget_in_child(); }
  void close() noexcept override { engine_->scheduler.close(); }

 private:
  LaterStore(const std::string& name, const Options& options);

  const std::shared_ptr<Engine> engine_;
};

}  // namespace data_bridge::storage::later
