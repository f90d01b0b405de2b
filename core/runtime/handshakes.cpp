// Connections to a listening socket whose handshake is under way, as the kernel tells by sock_diag(7).
#include "runtime/handshakes.hpp"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "runtime/file_descriptor.hpp"
#include "runtime/socket.hpp"

namespace data_bridge::runtime {
namespace {

struct Query {
  nlmsghdr header;
  inet_diag_req_v2 request;
};

Query query_of(const SocketAddress& address, int family) noexcept {
  Query query{};
  query.header.nlmsg_len = sizeof query;
  query.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  query.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  query.request.sdiag_family = static_cast<std::uint8_t>(family);
  query.request.sdiag_protocol = IPPROTO_TCP;
  query.request.idiag_states = 1U << TCP_SYN_RECV;
  query.request.id.idiag_sport = htons(address.port);
  return query;
}

/// How many sockets the messages of one datagram describe; nothing behind the last message, or an error.
struct Part {
  std::size_t sockets = 0;
  bool last = false;
};

Part read_part(const char* data, std::size_t size) noexcept {
  Part part;
  for (std::size_t at = 0; at + sizeof(nlmsghdr) <= size;) {
    nlmsghdr header{};
    std::memcpy(&header, data + at, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) {
      part.last = true;
      break;
    }
    if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY) ++part.sockets;
    at += NLMSG_ALIGN(header.nlmsg_len);
  }
  return part;
}

}  // namespace

std::size_t handshakes_under_way(int listener) noexcept {
  const SocketAddress address = local_address(listener);
  int family = AF_UNSPEC;
  if (address.family == SocketAddress::Family::kIpv4) family = AF_INET;
  if (address.family == SocketAddress::Family::kIpv6) family = AF_INET6;
  if (family == AF_UNSPEC) return 0;

  const FileDescriptor kernel(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!kernel) return 0;
  const Query query = query_of(address, family);
  if (::send(kernel.get(), &query, sizeof query, 0) != sizeof query) return 0;

  std::size_t count = 0;
  alignas(nlmsghdr) std::array<char, 16384> data{};
  while (true) {
    // The kernel has written its answer, or the next part of it, by the time that the call returns.
    const ssize_t size = ::recv(kernel.get(), data.data(), data.size(), MSG_DONTWAIT);
    if (size <= 0) return count;
    const Part part = read_part(data.data(), static_cast<std::size_t>(size));
    count += part.sockets;
    if (part.last) return count;
  }
}

}  // namespace data_bridge::runtime
