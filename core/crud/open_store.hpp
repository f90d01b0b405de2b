// A store by its URL.
#pragma once

#include <expected>
#include <memory>
#include <string_view>

#include "storage/limits.hpp"
#include "storage/store.hpp"

namespace data_bridge::crud {

struct StoreOptions {
  /// True where other processes serve the same database.
  bool shared_with_processes = false;
  storage::Limits limits{};
};

/// `sqlite:///relative.db`, `sqlite:////absolute.db`; the path percent-encoded. kInvalidArgument for any other URL.
[[nodiscard]] std::expected<std::shared_ptr<storage::Store>, storage::Error> open_store(
    std::string_view url, const StoreOptions& options = {});

}  // namespace data_bridge::crud
