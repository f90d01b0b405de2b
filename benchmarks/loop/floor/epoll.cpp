// The floor of the echo rows: the same echo by epoll and system calls alone, which no event loop on epoll can be
// faster than. `python benchmarks/loop` builds and runs it; it prints nanoseconds of CPU for each echo.
#include <sys/epoll.h>

#include <array>

#include "harness.hpp"

namespace {

using namespace floor_benchmark;

std::array<char, 256 * 1024> buffer;

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  checked(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

void accept_all(int epoll, const Server& server) {
  for (int fd = 0; (fd = accept4(server.fd, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
    set_no_delay(server.kind, fd);
    watch(epoll, fd);
  }
}

void echo_datagrams(int fd) {
  for (;;) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    auto* address = reinterpret_cast<sockaddr*>(&peer);
    const ssize_t count = recvfrom(fd, buffer.data(), buffer.size(), 0, address, &size);
    if (count < 0) return;
    checked(static_cast<int>(sendto(fd, buffer.data(), static_cast<std::size_t>(count), 0, address, size)), "sendto");
  }
}

void echo_stream(int fd) {
  const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
  if (count <= 0) {
    close(fd);
    return;
  }
  // Up to the size of a socket buffer this is one call, as it is for the loops.
  for (ssize_t sent = 0; sent < count;) {
    const ssize_t more = send(fd, buffer.data() + sent, static_cast<std::size_t>(count - sent), MSG_NOSIGNAL);
    if (more > 0) sent += more;
    if (more < 0 && errno != EAGAIN) checked(-1, "send");
  }
}

void serve(const Server& server, Client& client) {
  const int epoll = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  watch(epoll, server.fd);
  for (;;) {
    std::array<epoll_event, 512> events{};
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), kPollMilliseconds);
    if (count == 0 && client.has_ended()) return;
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd != server.fd) {
        echo_stream(fd);
      } else if (server.kind == Kind::kUdp) {
        echo_datagrams(fd);
      } else {
        accept_all(epoll, server);
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) { return run(argc, argv, serve); }
