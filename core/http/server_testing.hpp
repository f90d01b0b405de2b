// For tests: connections over socket pairs, served turn by turn in the test's own thread.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/connections.hpp"
#include "runtime/socket.hpp"

namespace data_bridge::http {

using std::chrono::milliseconds;

/// Answers with what the test says; by default with the path and the body.
class TestHandler final : public Handler {
 public:
  std::function<BodyMode(const Request&)> mode = [](const Request&) { return BodyMode::kBuffer; };
  std::function<void(Exchange&)> answer = [](Exchange& exchange) {
    exchange.respond(200, "text/plain", std::string(exchange.request().path) + "|" + std::string(exchange.body()));
  };
  int requests = 0;

  BodyMode on_head(const Request& request, Scratch&) override { return mode(request); }
  void on_request(Exchange& exchange, Scratch&) override {
    ++requests;
    answer(exchange);
  }
};

/// The client's end of a connection.
class TestClient {
 public:
  explicit TestClient(int fd) : fd_(fd) {}

  /// Sends what the kernel takes; gives the number of bytes.
  std::size_t send(std::string_view bytes) {
    const ssize_t count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  /// Everything that has arrived since the last call.
  std::string read() {
    std::string text;
    std::array<char, 16384> buffer;
    for (;;) {
      const ssize_t count = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (count > 0) {
        text.append(buffer.data(), static_cast<std::size_t>(count));
        continue;
      }
      if (count == 0) ended_ = true;
      if (count < 0 && errno != EAGAIN) ended_ = reset_ = true;
      return text;
    }
  }
  /// read() has seen the server's end.
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool was_reset() const { return reset_; }
  void half_close() { shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  runtime::FileDescriptor fd_;
  bool ended_ = false;
  bool reset_ = false;
};

/// A client's end of a connection to a listener of this process; none where it is refused.
inline runtime::FileDescriptor connect_to(std::uint16_t port) {
  runtime::FileDescriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) fd.reset();
  return fd;
}

inline runtime::FileDescriptor listen_anywhere() {
  auto listeners = runtime::listen_tcp("127.0.0.1", 0);
  EXPECT_TRUE(listeners);
  return std::move(listeners->front());
}

struct TestServer {
  runtime::Reactor reactor;
  TestHandler handler;
  Connections connections;

  explicit TestServer(Options options = without_date()) : connections(reactor, handler, std::move(options)) {}

  static Options without_date() {
    Options options;
    options.date_header = false;
    options.server_header = false;
    return options;
  }
  /// Deadlines in milliseconds instead of seconds.
  static Options impatient() {
    Options options = without_date();
    options.limits.sweep_interval = milliseconds(2);
    options.limits.head_timeout = options.limits.body_timeout = milliseconds(40);
    options.limits.idle_timeout = options.limits.send_timeout = milliseconds(40);
    options.limits.linger_timeout = milliseconds(20);
    return options;
  }

  TestClient connect() {
    std::array<int, 2> fds{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
    runtime::SocketAddress peer;
    peer.family = runtime::SocketAddress::Family::kUnix;
    connections.adopt(runtime::FileDescriptor(fds[0]), peer);
    return TestClient(fds[1]);
  }
  void turn(milliseconds timeout = milliseconds(0)) {
    reactor.wait(timeout);
    reactor.dispatch();
    reactor.finish_turn();
  }
  /// Enough turns for everything that is ready.
  void settle() {
    for (int i = 0; i < 8; ++i) turn();
  }
  /// Turns until `done`, at most a minute: more than a busy machine needs under a sanitizer.
  [[nodiscard]] bool until(const std::function<bool()>& done) {
    const auto limit = runtime::Clock::now() + std::chrono::minutes(1);
    while (!done()) {
      if (runtime::Clock::now() > limit) return false;
      turn(milliseconds(1));
    }
    return true;
  }
  std::string ask(TestClient& client, std::string_view request) {
    client.send(request);
    settle();
    return client.read();
  }
};

inline std::string get(std::string_view path, std::string_view fields = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
}

inline std::string ok(std::string_view body, std::string_view fields = "") {
  return "HTTP/1.1 200 OK\r\ncontent-length: " + std::to_string(body.size()) + "\r\ncontent-type: text/plain\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}

/// A listener that notes what it is told.
struct TestListener final : ExchangeListener {
  std::string body;
  int pieces = 0;
  int ends = 0;
  int answers = 0;
  int disconnects = 0;
  int drained = 0;
  std::function<void(Exchange&)> on_end = [](Exchange&) {};
  std::function<void(Exchange&)> on_piece = [](Exchange&) {};
  std::function<void(Exchange&)> on_room = [](Exchange&) {};

  void on_body(Exchange& exchange, std::string_view piece, bool last) override {
    body.append(piece);
    ++pieces;
    on_piece(exchange);
    if (!last) return;
    ++ends;
    on_end(exchange);
  }
  void on_closed(Exchange&, ExchangeEnd end) noexcept override {
    ++(end == ExchangeEnd::kAnswered ? answers : disconnects);
  }
  void on_drained(Exchange& exchange) override {
    ++drained;
    on_room(exchange);
  }
};

}  // namespace data_bridge::http
