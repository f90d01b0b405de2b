// Listening on names, both address families and Unix sockets.
#include "runtime/socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace data_bridge::runtime {
namespace {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = "/tmp/socket_testXXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

TEST(SocketAddress, HostIsNumeric) {
  SocketAddress address{.family = SocketAddress::Family::kIpv4, .port = 80, .bytes = {255, 0, 10, 1}};
  EXPECT_EQ(address.host(), "255.0.10.1");
  address = {.family = SocketAddress::Family::kIpv6, .port = 80, .bytes = {0x20, 1, 0xd, 0xb8}};
  EXPECT_EQ(address.host(), "2001:db8::");
  EXPECT_EQ(SocketAddress().host(), "");
}

TEST(Socket, ListensOnIpv4AndAccepts) {
  auto listeners = listen_tcp("127.0.0.1", 0);
  ASSERT_TRUE(listeners);
  ASSERT_EQ(listeners->size(), 1U);
  const SocketAddress address = local_address((*listeners)[0].get());
  EXPECT_EQ(address.host(), "127.0.0.1");
  EXPECT_NE(address.port, 0);

  auto none = accept_connection((*listeners)[0].get());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error(), std::errc::resource_unavailable_try_again);

  const FileDescriptor client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(address.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  auto accepted = accept_connection((*listeners)[0].get());
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->peer.host(), "127.0.0.1");
  EXPECT_EQ(accepted->peer.port, local_address(client.get()).port);
  EXPECT_EQ(peer_address(accepted->fd.get()).port, accepted->peer.port);
}

TEST(Socket, ANameMayHaveSeveralAddressesOnOnePort) {
  auto listeners = listen_tcp("localhost", 0);
  ASSERT_TRUE(listeners);
  ASSERT_GE(listeners->size(), 1U);
  for (const FileDescriptor& fd : *listeners) {
    EXPECT_EQ(local_address(fd.get()).port, local_address(listeners->front().get()).port);
  }
}

TEST(Socket, SaysWhyItCannotListen) {
  auto first = listen_tcp("127.0.0.1", 0);
  ASSERT_TRUE(first);
  const std::uint16_t port = local_address((*first)[0].get()).port;
  auto second = listen_tcp("127.0.0.1", port);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, std::errc::address_in_use);
  EXPECT_NE(second.error().what.find(std::to_string(port)), std::string::npos);
  auto unknown = listen_tcp("no-such-host.invalid", 0);
  ASSERT_FALSE(unknown);
  EXPECT_FALSE(unknown.error().code.message().empty());
}

TEST(Socket, ReusePortAllowsTwoListeners) {
  const ListenOptions options{.reuse_port = true};
  auto first = listen_tcp("127.0.0.1", 0, options);
  ASSERT_TRUE(first);
  EXPECT_TRUE(listen_tcp("127.0.0.1", local_address((*first)[0].get()).port, options));
}

TEST(Socket, ReplacesAnAbandonedSocketFileOnly) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("s");
  {
    auto first = listen_unix(path);
    ASSERT_TRUE(first);
    EXPECT_EQ(local_path(first->get()), path);
    EXPECT_EQ(local_address(first->get()).host(), "");
    auto second = listen_unix(path);
    ASSERT_FALSE(second) << "in use";
    EXPECT_EQ(second.error().code, std::errc::address_in_use);
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  EXPECT_TRUE(listen_unix(path)) << "its owner is gone";

  const std::string file = directory.file("plain");
  std::ofstream(file) << "data";
  EXPECT_FALSE(listen_unix(file));
  EXPECT_TRUE(std::filesystem::is_regular_file(file));
  EXPECT_FALSE(listen_unix(std::string(200, 'x')));
}

/// A bound stream socket, blocking and inheritable, as a process manager hands one over.
int bound_socket() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

TEST(Socket, NobodyJoinsAClosedQueue) {
  TemporaryDirectory directory;
  auto over_tcp = listen_tcp("127.0.0.1", 0);
  auto over_unix = listen_unix(directory.file("s"));
  ASSERT_TRUE(over_tcp && over_unix);
  for (const int listener : {(*over_tcp)[0].get(), over_unix->get()}) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
    const auto connects = [&](const FileDescriptor& client) {
      return connect(client.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0;
    };
    const FileDescriptor before(socket(address.ss_family, SOCK_STREAM, 0));
    ASSERT_TRUE(connects(before));
    close_queue(listener);
    const FileDescriptor after(socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0));
    EXPECT_FALSE(connects(after));
    EXPECT_EQ(errno, address.ss_family == AF_UNIX ? ECONNREFUSED : EINPROGRESS);
    const auto accepted = accept_connection(listener);
    ASSERT_TRUE(accepted) << accepted.error().message();
    EXPECT_EQ(write(before.get(), "x", 1), 1);
    char byte = 0;
    EXPECT_EQ(recv(accepted->fd.get(), &byte, 1, MSG_WAITALL), 1);
    EXPECT_FALSE(accept_connection(listener));
  }
}

TEST(AdoptListener, MakesABlockingListenerNonBlockingAndCloseOnExec) {
  const int fd = bound_socket();
  ASSERT_EQ(listen(fd, 5), 0);
  auto listener = adopt_listener(fd);
  ASSERT_TRUE(listener) << listener.error().what;
  EXPECT_EQ(listener->get(), fd);
  EXPECT_NE(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  auto none = accept_connection(fd);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().value(), EAGAIN);
}

TEST(AdoptListener, ListensOnASocketThatIsOnlyBound) {
  auto listener = adopt_listener(bound_socket());
  ASSERT_TRUE(listener) << listener.error().what;
  const FileDescriptor client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(local_address(listener->get()).port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  EXPECT_TRUE(accept_connection(listener->get()));
}

TEST(AdoptListener, ListensOnABoundUnixSocket) {
  const TemporaryDirectory directory;
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  directory.file("s").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  auto listener = adopt_listener(fd);
  ASSERT_TRUE(listener) << listener.error().what;
  const FileDescriptor client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
}

TEST(AdoptListener, SaysWhatASocketIsNot) {
  const auto refused = [](int fd, std::errc code) {
    const auto listener = adopt_listener(fd);
    ASSERT_FALSE(listener);
    EXPECT_EQ(listener.error().code, code) << listener.error().what;
    EXPECT_NE(listener.error().what.find("file descriptor " + std::to_string(fd)), std::string::npos);
    EXPECT_EQ(fcntl(fd, F_GETFD) < 0, fd < 0 || code == std::errc::bad_file_descriptor) << "it stays the caller's";
  };
  refused(-1, std::errc::bad_file_descriptor);
  refused(9999, std::errc::bad_file_descriptor);
  const TemporaryDirectory directory;
  const FileDescriptor file(open(directory.file("f").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  refused(file.get(), std::errc::not_a_socket);
  const FileDescriptor datagrams(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  refused(datagrams.get(), std::errc::wrong_protocol_type);
  const FileDescriptor unbound(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  refused(unbound.get(), std::errc::destination_address_required);
  std::array<int, 2> pair{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  refused(pair[0], std::errc::already_connected);
  close(pair[0]);
  close(pair[1]);
}

}  // namespace
}  // namespace data_bridge::runtime
