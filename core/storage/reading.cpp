// Reads for callers that wait for them.
#include "storage/reading.hpp"

#include <future>
#include <memory>
#include <utility>

namespace data_bridge::storage {
namespace {

class WaitedRead final : public ReadJob {
 public:
  explicit WaitedRead(RowVisitor& visitor) noexcept : visitor_(visitor) {}
  bool on_row(RowView row) override { return visitor_.on_row(row); }
  void restart() noexcept override {}  // only where the thread may not wait
  void finish(std::expected<std::uint64_t, Error> found) noexcept override { found_.set_value(std::move(found)); }
  [[nodiscard]] std::expected<std::uint64_t, Error> wait() { return found_.get_future().get(); }

 private:
  RowVisitor& visitor_;
  std::promise<std::expected<std::uint64_t, Error>> found_;
};

}  // namespace

std::expected<bool, Error> wait_for_get(Collection& collection, const Key& key, RowVisitor& visitor, Reading reading) {
  const auto read = std::make_shared<WaitedRead>(visitor);
  collection.get(key, read, reading);
  auto found = read->wait();
  if (!found) return std::unexpected(std::move(found.error()));
  return *found != 0;
}

std::expected<std::uint64_t, Error> wait_for_list(Collection& collection, const ListQuery& query, RowVisitor& visitor,
                                                  Reading reading) {
  const auto read = std::make_shared<WaitedRead>(visitor);
  collection.list(query, read, reading);
  return read->wait();
}

}  // namespace data_bridge::storage
