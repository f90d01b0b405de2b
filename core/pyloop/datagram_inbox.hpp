// Memory for one recvmmsg(2): several datagrams by one system call.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <span>

#include "pyloop/inet_address.hpp"

namespace data_bridge::pyloop {

/// One per loop, made when its first datagram arrives. The pages that no datagram reaches cost nothing.
class DatagramInbox {
 public:
  /// Enough to spare most of the calls, few enough to let other I/O of the turn have its time.
  static constexpr std::size_t kBatch = 16;
  /// No UDP datagram is longer: its length field has 16 bits (RFC 768).
  static constexpr std::size_t kSize = 64 * 1024;

  /// The number of datagrams; -1 with errno, which only the first of them gives: the kernel keeps it otherwise.
  int receive(int fd) noexcept {
    for (std::size_t i = 0; i < kBatch; ++i) {
      vectors_[i] = {bytes_[i].data(), kSize};
      msghdr& header = headers_[i].msg_hdr;
      header = {};
      header.msg_name = &addresses_[i].any;
      header.msg_namelen = sizeof addresses_[i].v6;
      header.msg_iov = &vectors_[i];
      header.msg_iovlen = 1;
    }
    return recvmmsg(fd, headers_.data(), kBatch, MSG_DONTWAIT, nullptr);
  }

  [[nodiscard]] std::span<const char> data(std::size_t index) const noexcept {
    return {bytes_[index].data(), headers_[index].msg_len};
  }
  [[nodiscard]] const InetAddress& sender(std::size_t index) noexcept {
    addresses_[index].size = headers_[index].msg_hdr.msg_namelen;
    return addresses_[index];
  }

 private:
  std::array<mmsghdr, kBatch> headers_;
  std::array<iovec, kBatch> vectors_;
  std::array<InetAddress, kBatch> addresses_;
  std::array<std::array<char, kSize>, kBatch> bytes_;
};

}  // namespace data_bridge::pyloop
