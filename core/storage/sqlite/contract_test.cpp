// That it keeps the contract of all stores.
#include "storage/contract/all.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace data_bridge::storage::contract {

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract,
                         testing::Values(StoreKind{"Sqlite", [](const std::string& place, const Limits& limits) {
                                                     return *sqlite::SqliteStore::open(place, {.limits = limits});
                                                   }}));

}  // namespace data_bridge::storage::contract
