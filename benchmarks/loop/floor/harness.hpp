// What the floors have in common: a listening socket, the client as a process of its own, and the CPU time in between.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace floor_benchmark {

/// How often the client is looked after while nothing happens.
inline constexpr int kPollMilliseconds = 20;

inline int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::system_category(), what);
  return result;
}

enum class Kind { kTcp, kUnix, kUdp };

/// A bound socket, listening unless it is of kUdp, and what client.py calls its address.
struct Server {
  Kind kind;
  int fd;
  std::string address;
};

inline Server open_server(Kind kind) {
  const int type = (kind == Kind::kUdp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const int fd = checked(socket(kind == Kind::kUnix ? AF_UNIX : AF_INET, type, 0), "socket");
  std::string where;
  if (kind == Kind::kUnix) {
    where = "/tmp/loop-floor-" + std::to_string(getpid());
    unlink(where.c_str());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, where.data(), where.size());
    checked(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
  } else {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    checked(bind(fd, reinterpret_cast<sockaddr*>(&address), size), "bind");
    checked(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
    where = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  if (kind != Kind::kUdp) checked(listen(fd, 2000), "listen");
  return {.kind = kind, .fd = fd, .address = where};
}

inline void set_no_delay(Kind kind, int fd) {
  const int one = 1;
  if (kind == Kind::kTcp) checked(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "setsockopt");
}

class Client {
 public:
  /// `command` with "{}" for the address of the server.
  Client(const std::vector<std::string>& command, const std::string& address) {
    std::vector<std::string> words = command;
    std::vector<char*> arguments;
    for (std::string& word : words) {
      if (word == "{}") word = address;
      arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    if (posix_spawn(&process_, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0) {
      throw std::runtime_error("cannot start " + words[0]);
    }
  }
  [[nodiscard]] bool has_ended() { return waitpid(process_, &status_, WNOHANG) == process_; }
  [[nodiscard]] int exit_code() const { return WIFEXITED(status_) ? WEXITSTATUS(status_) : 1; }

 private:
  pid_t process_ = 0;
  int status_ = 0;
};

inline double cpu_nanoseconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/// main(): `serve(server, client)` returns once the client has ended.
template <typename Serve>
int run(int argc, char** argv, Serve serve) {
  if (argc < 4) {
    std::cerr << "usage: " << argv[0] << " tcp|unix|udp COUNT CLIENT... (with {} for the address)\n";
    return 2;
  }
  const std::string_view name = argv[1];
  const Server server = open_server(name == "udp" ? Kind::kUdp : name == "unix" ? Kind::kUnix : Kind::kTcp);
  Client client(std::vector<std::string>(argv + 3, argv + argc), server.address);
  const double began = cpu_nanoseconds();
  serve(server, client);
  std::cout << (cpu_nanoseconds() - began) / std::atof(argv[2]) << '\n';
  if (server.kind == Kind::kUnix) unlink(server.address.c_str());
  return client.exit_code();
}

}  // namespace floor_benchmark
