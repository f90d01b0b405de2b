// The floor of the echo rows: the same echo by epoll and system calls alone, which no event loop can be faster than.
//
//   g++ -std=c++23 -O2 -o floor benchmarks/loop/floor.cpp
//   taskset -c 1 ./floor PYTHON benchmarks/loop/client.py SIZE COUNT CONNECTIONS [--udp]
//
// prints nanoseconds of CPU for each echo, as `python benchmarks/loop` does.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>
#include <system_error>

namespace {

constexpr int kPollMilliseconds = 20;
std::array<char, 256 * 1024> buffer;

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::system_category(), what);
  return result;
}

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  checked(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

void accept_all(int epoll, int server) {
  for (int fd = 0; (fd = accept4(server, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
    const int one = 1;
    checked(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "setsockopt");
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

double cpu_nanoseconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::cerr << "usage: floor PYTHON CLIENT SIZE COUNT CONNECTIONS [--udp]\n";
    return 2;
  }
  const bool udp = argc > 6;
  const int server =
      checked(socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  checked(bind(server, reinterpret_cast<sockaddr*>(&address), size), "bind");
  checked(getsockname(server, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  if (!udp) checked(listen(server, 2000), "listen");

  std::string where = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  std::string option = "--connections";
  std::array<char*, 9> arguments = {
      argv[1], argv[2], where.data(), argv[3], argv[4], option.data(), argv[5], udp ? argv[6] : nullptr, nullptr};
  pid_t client = 0;
  if (posix_spawn(&client, argv[1], nullptr, nullptr, arguments.data(), environ) != 0) return 1;

  const int epoll = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  watch(epoll, server);
  const double began = cpu_nanoseconds();
  int status = 0;
  for (;;) {
    std::array<epoll_event, 512> events{};
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), kPollMilliseconds);
    if (count == 0 && waitpid(client, &status, WNOHANG) == client) break;
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd != server) {
        echo_stream(fd);
      } else if (udp) {
        echo_datagrams(fd);
      } else {
        accept_all(epoll, fd);
      }
    }
  }
  std::cout << static_cast<long>((cpu_nanoseconds() - began) / std::atof(argv[4])) << '\n';
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
