// Listening on names, both address families and Unix sockets.
#include "runtime/socket.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

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

}  // namespace
}  // namespace data_bridge::runtime
