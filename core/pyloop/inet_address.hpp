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
struct InetAddress {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t size = 0;

  InetAddress() noexcept : v6{} {}
};

/// Fills `out` from a tuple with a numeric host. False, without an exception, for everything else, which the socket
/// module must judge: names, broadcast, scopes in text, wrong types.
[[nodiscard]] bool parse_address(int family, PyObject* address, InetAddress& out) noexcept;

/// The tuples of the addresses that were seen last: a peer's datagrams share one.
class AddressCache {
 public:
  /// A tuple, or None where the kernel gave no address; empty with an exception.
  [[nodiscard]] PyRef tuple_of(const InetAddress& address);
  /// With the GIL.
  void clear() noexcept;

 private:
  static constexpr std::size_t kSlots = 64;
  struct Entry {
    InetAddress address;
    PyRef tuple;
  };
  std::array<Entry, kSlots> entries_;
};

}  // namespace data_bridge::pyloop
