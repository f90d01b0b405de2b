// How an exchange is named.
#pragma once

#include <cstdint>

namespace data_bridge::http {

/// Names an exchange across threads and time, so that an answer to a connection that has closed is dropped instead of
/// followed.
struct ExchangeId {
  std::uint32_t slot = 0;        ///< of the connection
  std::uint32_t connection = 0;  ///< how many connections the slot has had before this one
  std::uint32_t generation = 0;  ///< of the exchanges of this connection: its protocol numbers them
};

}  // namespace data_bridge::http
