// Listening sockets and accepted connections.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "runtime/file_descriptor.hpp"

namespace data_bridge::runtime {

/// Why a socket could not be opened, with the call and the address it failed on.
struct SocketError {
  std::error_code code;
  std::string what;
};

struct ListenOptions {
  int backlog = 2048;
  bool reuse_port = false;  ///< SO_REUSEPORT: several processes listen on one port
};

/// Non-blocking listening sockets on every address that `host` stands for: a name, an IPv4 or IPv6 address, ""
/// for all interfaces. With port 0 the kernel chooses one port, the same for all addresses where it can.
[[nodiscard]] std::expected<std::vector<FileDescriptor>, SocketError> listen_tcp(const std::string& host,
                                                                                 std::uint16_t port,
                                                                                 const ListenOptions& options = {});

/// A non-blocking listening Unix socket, world-writable as uvicorn's. A socket file that nobody listens on any
/// more is replaced; one in use, or a file of another kind, is address_in_use.
[[nodiscard]] std::expected<FileDescriptor, SocketError> listen_unix(const std::string& path,
                                                                     const ListenOptions& options = {});

/// Takes over a socket that another process opened and left in this one (systemd, a supervisor): a TCP or Unix stream
/// socket that listens, or one that is bound, which is made to listen. Makes it non-blocking, which its other owners
/// see too, and close-on-exec. On failure `fd` stays the caller's.
[[nodiscard]] std::expected<FileDescriptor, SocketError> adopt_listener(int fd, const ListenOptions& options = {});

/// The address of one end of a socket; small, since every connection holds one.
struct SocketAddress {
  enum class Family : std::uint8_t { kNone, kIpv4, kIpv6, kUnix };

  Family family = Family::kNone;
  std::uint16_t port = 0;
  std::uint8_t bytes[16] = {};  ///< in network order

  /// The numeric address; "" for a Unix socket.
  [[nodiscard]] std::string host() const;
};

/// The address of our end of `fd` (getsockname) or of the peer's (getpeername).
[[nodiscard]] SocketAddress local_address(int fd) noexcept;
[[nodiscard]] SocketAddress peer_address(int fd) noexcept;
/// The path our end of a Unix socket is bound to; "" where there is none.
[[nodiscard]] std::string local_path(int fd);

struct Accepted {
  FileDescriptor fd;  ///< non-blocking, close-on-exec
  SocketAddress peer;
};
/// Accepts one connection. EAGAIN where none waits; otherwise as accept4(2).
[[nodiscard]] std::expected<Accepted, std::error_code> accept_connection(int listener) noexcept;

/// Nobody joins the queue of `listener` any more; who waits in it can still be accepted. Closing a listening socket
/// resets whom it has not accepted: between this call, a last accept_connection() without success and the close, nobody
/// comes. Who connects to a TCP socket meanwhile is not heard, asks again after a second (RFC 6298 section 2.1), and
/// finds who listens then; who connects to a Unix socket is refused. It holds for every process that shares the socket.
void close_queue(int listener) noexcept;

}  // namespace data_bridge::runtime
