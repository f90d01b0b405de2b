// What a store takes before it says no.
#pragma once

#include <cstddef>

namespace data_bridge::storage {

/// 0: no limit.
struct Limits {
  /// Writes that wait, those of the running transaction among them; beyond: kOverloaded. Eight transactions of 512, the
  /// most that a client waits behind.
  std::size_t max_waiting_writes = 4096;
  /// What they hold in memory; beyond: kOverloaded. One that is alone may be larger.
  std::size_t max_waiting_bytes = std::size_t{64} * 1024 * 1024;
};

}  // namespace data_bridge::storage
