// A store by its URL.
#include "crud/open_store.hpp"

#include <string>

#include "storage/sqlite/sqlite_store.hpp"
#include "text/percent.hpp"

namespace data_bridge::crud {
namespace {

std::unexpected<storage::Error> invalid(std::string detail) {
  return std::unexpected(storage::Error{storage::Errc::kInvalidArgument, {}, std::move(detail)});
}

}  // namespace

std::expected<std::shared_ptr<storage::Store>, storage::Error> open_store(std::string_view url,
                                                                          const StoreOptions& options) {
  constexpr std::string_view kSqlite = "sqlite://";
  if (!url.starts_with(kSqlite)) {
    return invalid("unknown kind of store: \"" + std::string(url) + "\"; known are sqlite:///file and sqlite:////file");
  }
  const std::string_view rest = url.substr(kSqlite.size());
  if (!rest.starts_with('/') || rest.find_first_of("?#") != std::string_view::npos) {
    return invalid("\"" + std::string(url) + "\": write sqlite:///file, or sqlite:////file for an absolute path");
  }
  const std::string path = text::decode_path(rest.substr(1));
  if (path.empty() || path.starts_with(":memory:")) {
    return invalid("\"" + std::string(url) + "\": a store has to be a file, so that writes can be durable");
  }
  return storage::sqlite::SqliteStore::open(path,
                                            {.only_writer = !options.shared_with_processes, .limits = options.limits});
}

}  // namespace data_bridge::crud
