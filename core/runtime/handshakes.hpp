// Connections to a listening socket whose handshake is under way.
#pragma once

#include <cstddef>

namespace data_bridge::runtime {

/// How many connections to the port of `listener` have begun their handshake and not ended it (SYN-RECEIVED, RFC 9293
/// section 3.3.2): they are in no queue yet, and closing the socket resets them, though their clients may have seen
/// them as connected already. Those of other sockets on that port count as well. 0 for a Unix socket, and where the
/// kernel does not tell (sock_diag(7) needs the module inet_diag). A walk through the kernel's table of connections:
/// for the end of a socket, not for each turn.
[[nodiscard]] std::size_t handshakes_under_way(int listener) noexcept;

}  // namespace data_bridge::runtime
