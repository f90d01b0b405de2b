// Socket addresses of IPv4 and IPv6 as Python's socket module writes them: (host, port[, flowinfo, scope]).
#pragma once

#include <Python.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>

#include "pyloop/py_ref.hpp"

namespace data_bridge::pyloop {

/// An address of either family, as the kernel has it.
struct SocketAddress {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t size = 0;

  SocketAddress() noexcept : v6{} {}
};

/// Fills `out` from a tuple with a numeric host. False, without an exception, for everything else, which the socket
/// module must judge: names, broadcast, scopes in text, wrong types.
[[nodiscard]] bool parse_address(int family, PyObject* address, SocketAddress& out) noexcept;

/// The tuples of the addresses that were seen last: a peer's datagrams share one.
class AddressCache {
 public:
  /// A tuple, or None where the kernel gave no address; empty with an exception.
  [[nodiscard]] PyRef tuple_of(const SocketAddress& address);
  /// With the GIL.
  void clear() noexcept;

 private:
  static constexpr std::size_t kSlots = 64;
  struct Entry {
    SocketAddress address;
    PyRef tuple;
  };
  std::array<Entry, kSlots> entries_;
};

}  // namespace data_bridge::pyloop
