// Listening sockets and accepted connections.
#include "runtime/socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

namespace data_bridge::runtime {
namespace {

std::error_code last_error() noexcept { return {errno, std::system_category()}; }

class ResolverCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "getaddrinfo"; }
  [[nodiscard]] std::string message(int code) const override { return gai_strerror(code); }
};

std::unexpected<SocketError> failure(std::error_code code, std::string what) {
  return std::unexpected(SocketError{code, std::move(what)});
}

// sockaddr is a family of structures that share their first field; the API is built on the cast.
const sockaddr* as_sockaddr(const void* address) noexcept { return static_cast<const sockaddr*>(address); }
sockaddr* as_sockaddr(void* address) noexcept { return static_cast<sockaddr*>(address); }

SocketAddress from_storage(const sockaddr_storage& storage) noexcept {
  SocketAddress address;
  if (storage.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &storage, sizeof in);
    address.family = SocketAddress::Family::kIpv4;
    address.port = ntohs(in.sin_port);
    std::memcpy(address.bytes, &in.sin_addr, sizeof in.sin_addr);
  } else if (storage.ss_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &storage, sizeof in);
    address.family = SocketAddress::Family::kIpv6;
    address.port = ntohs(in.sin6_port);
    std::memcpy(address.bytes, &in.sin6_addr, sizeof in.sin6_addr);
  } else if (storage.ss_family == AF_UNIX) {
    address.family = SocketAddress::Family::kUnix;
  }
  return address;
}

void set_port(const addrinfo& info, std::uint16_t port) noexcept {
  if (info.ai_family == AF_INET) {
    sockaddr_in address{};
    std::memcpy(&address, info.ai_addr, sizeof address);
    address.sin_port = htons(port);
    std::memcpy(info.ai_addr, &address, sizeof address);
  } else {
    sockaddr_in6 address{};
    std::memcpy(&address, info.ai_addr, sizeof address);
    address.sin6_port = htons(port);
    std::memcpy(info.ai_addr, &address, sizeof address);
  }
}

std::expected<FileDescriptor, SocketError> listen_on(const addrinfo& info, const std::string& name,
                                                     const ListenOptions& options) {
  FileDescriptor fd(socket(info.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failure(last_error(), "socket for " + name);
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (options.reuse_port && setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    return failure(last_error(), "SO_REUSEPORT for " + name);
  }
  // Without it a listener on :: would take the IPv4 port as well, and the one on 0.0.0.0 would fail.
  if (info.ai_family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(fd.get(), info.ai_addr, info.ai_addrlen) != 0) return failure(last_error(), "bind to " + name);
  if (listen(fd.get(), options.backlog) != 0) return failure(last_error(), "listen on " + name);
  return fd;
}

bool is_abandoned_socket(const sockaddr_un& address) noexcept {
  struct stat status{};
  if (lstat(address.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const FileDescriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return probe && connect(probe.get(), as_sockaddr(&address), sizeof address) != 0 && errno == ECONNREFUSED;
}

}  // namespace

std::expected<std::vector<FileDescriptor>, SocketError> listen_tcp(const std::string& host, std::uint16_t port,
                                                                   const ListenOptions& options) {
  static const ResolverCategory resolver;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host.empty() ? nullptr : host.c_str(), host.empty() ? "0" : nullptr, &hints, &found);
  if (status == EAI_SYSTEM) return failure(last_error(), "resolve " + host);
  if (status != 0) return failure({status, resolver}, "resolve " + host);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);

  std::vector<FileDescriptor> listeners;
  SocketError first_error;
  for (addrinfo* info = found; info != nullptr; info = info->ai_next) {
    if (info->ai_family != AF_INET && info->ai_family != AF_INET6) continue;
    set_port(*info, port);
    const std::string name = (host.empty() ? std::string("*") : host) + ":" + std::to_string(port);
    auto listener = listen_on(*info, name, options);
    if (!listener) {
      // A host without IPv6 still resolves to ::1 or ::; what counts is that some address works.
      if (!first_error.code) first_error = std::move(listener.error());
      if (first_error.code == std::errc::address_in_use) break;
      continue;
    }
    if (port == 0) port = local_address(listener->get()).port;
    listeners.push_back(std::move(*listener));
  }
  if (first_error.code == std::errc::address_in_use) return std::unexpected(std::move(first_error));
  if (!listeners.empty()) return listeners;
  if (!first_error.code) return failure(std::make_error_code(std::errc::address_not_available), "resolve " + host);
  return std::unexpected(std::move(first_error));
}

std::expected<FileDescriptor, SocketError> listen_unix(const std::string& path, const ListenOptions& options) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return failure(std::make_error_code(std::errc::filename_too_long), "bind to " + path);
  }
  path.copy(address.sun_path, path.size());
  FileDescriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failure(last_error(), "socket for " + path);
  int bound = bind(fd.get(), as_sockaddr(&address), sizeof address);
  if (bound != 0 && errno == EADDRINUSE && is_abandoned_socket(address)) {
    unlink(path.c_str());
    bound = bind(fd.get(), as_sockaddr(&address), sizeof address);
  }
  if (bound != 0) return failure(last_error(), "bind to " + path);
  // A proxy in front runs as another user.
  if (chmod(path.c_str(), 0666) != 0) return failure(last_error(), "chmod " + path);
  if (listen(fd.get(), options.backlog) != 0) return failure(last_error(), "listen on " + path);
  return fd;
}

std::expected<FileDescriptor, SocketError> adopt_listener(int fd, const ListenOptions& options) {
  const std::string name = "file descriptor " + std::to_string(fd);
  const auto option = [fd](int which) -> std::expected<int, std::error_code> {
    int value = 0;
    socklen_t size = sizeof value;
    if (getsockopt(fd, SOL_SOCKET, which, &value, &size) != 0) return std::unexpected(last_error());
    return value;
  };
  const auto type = option(SO_TYPE);
  if (!type) return failure(type.error(), "take over " + name);
  const auto family = option(SO_DOMAIN);
  const bool has_family = family && (*family == AF_INET || *family == AF_INET6 || *family == AF_UNIX);
  if (*type != SOCK_STREAM || !has_family) {
    return failure(std::make_error_code(std::errc::wrong_protocol_type), name + " is no TCP or Unix stream socket");
  }
  const auto listens = option(SO_ACCEPTCONN);
  if (!listens) return failure(listens.error(), "take over " + name);
  if (*listens == 0) {
    if (peer_address(fd).family != SocketAddress::Family::kNone) {
      return failure(std::make_error_code(std::errc::already_connected),
                     name + " is a connection, no listening socket");
    }
    // listen(2) would choose a port for it that nobody knows.
    const bool bound = *family == AF_UNIX ? !local_path(fd).empty() : local_address(fd).port != 0;
    if (!bound) {
      return failure(std::make_error_code(std::errc::destination_address_required),
                     name + " is not bound to an address");
    }
    if (listen(fd, options.backlog) != 0) return failure(last_error(), "listen on " + name);
  }
  const int status_flags = fcntl(fd, F_GETFL);
  if (status_flags < 0 || fcntl(fd, F_SETFL, status_flags | O_NONBLOCK) != 0) {
    return failure(last_error(), "make " + name + " non-blocking");
  }
  const int flags = fcntl(fd, F_GETFD);
  if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) != 0) return failure(last_error(), "take over " + name);
  return FileDescriptor(fd);
}

std::string SocketAddress::host() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family == Family::kIpv4) {  // every request's scope has two, and inet_ntop() goes through printf()
    char* end = text.data();
    for (int i = 0; i < 4; ++i) {
      if (i != 0) *end++ = '.';
      end = std::to_chars(end, text.data() + text.size(), bytes[i]).ptr;
    }
    return {text.data(), end};
  }
  if (family == Family::kIpv6) inet_ntop(AF_INET6, bytes, text.data(), text.size());
  return text.data();
}

SocketAddress local_address(int fd) noexcept {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(fd, as_sockaddr(&storage), &size) != 0) return {};
  return from_storage(storage);
}

SocketAddress peer_address(int fd) noexcept {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getpeername(fd, as_sockaddr(&storage), &size) != 0) return {};
  return from_storage(storage);
}

std::string local_path(int fd) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, as_sockaddr(&address), &size) != 0 || address.sun_family != AF_UNIX) return {};
  const std::size_t length = size > offsetof(sockaddr_un, sun_path) ? size - offsetof(sockaddr_un, sun_path) : 0;
  const std::string_view path(address.sun_path, std::min(length, sizeof address.sun_path));
  return std::string(path.substr(0, path.find('\0')));
}

std::expected<Accepted, std::error_code> accept_connection(int listener) noexcept {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  FileDescriptor fd(accept4(listener, as_sockaddr(&storage), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) return std::unexpected(last_error());
  return Accepted{std::move(fd), from_storage(storage)};
}

void close_queue(int listener) noexcept {
  if (local_address(listener).family == SocketAddress::Family::kUnix) {
    ::shutdown(listener, SHUT_RD);  // a TCP socket would reset its queue
    return;
  }
  // A filter of a TCP socket sees each segment from its TCP header on (packet(7), SO_ATTACH_FILTER in socket(7)). One
  // with SYN begins a connection, and is dropped; what ends the handshake of one that has begun is not.
  constexpr std::uint32_t kFlags = 13;  // byte of the header, RFC 9293 section 3.1
  constexpr std::uint32_t kSyn = 0x02;
  std::array<sock_filter, 4> program{{BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlags),
                                      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kSyn, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
                                      BPF_STMT(BPF_RET | BPF_K, 0xFFFFFFFF)}};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  ::setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

}  // namespace data_bridge::runtime
