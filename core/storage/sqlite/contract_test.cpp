// That it keeps the contract of all stores.
#include "storage/contract/all.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace data_bridge::storage::contract {

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract,
                         testing::Values(StoreKind{"Sqlite",
                                                   [](const std::string& place, const Limits& limits) {
                                                     return *sqlite::SqliteStore::open(place, {.limits = limits});
                                                   }},
                                         StoreKind{"Memory",
                                                   [](const std::string&, const Limits& limits) {
                                                     return *sqlite::SqliteStore::open_in_memory(limits);
                                                   },
                                                   false}));

}  // namespace data_bridge::storage::contract
