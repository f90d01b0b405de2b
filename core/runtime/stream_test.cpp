// A socket as a Stream: what arrives, what does not fit, and how it ends.
#include "runtime/stream.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

namespace data_bridge::runtime {
namespace {

using Status = Stream::Status;

/// Both ends of a TCP connection within this process.
struct TcpPair {
  FileDescriptor client;
  Accepted server;

  TcpPair() {
    auto listeners = listen_tcp("127.0.0.1", 0);
    EXPECT_TRUE(listeners);
    const int listener = listeners->front().get();
    client = FileDescriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(local_address(listener).port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    auto accepted = accept_connection(listener);
    EXPECT_TRUE(accepted);
    server = std::move(*accepted);
  }
};

struct SocketStreamTest : ::testing::Test {
  Reactor reactor;
  TcpPair pair;
  std::unique_ptr<SocketStream> stream =
      std::make_unique<SocketStream>(reactor, std::move(pair.server.fd), pair.server.peer);

  void client_sends(std::string_view bytes) {
    EXPECT_EQ(send(pair.client.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  /// Blocks until `size` bytes, the end or an error.
  std::string client_reads(std::size_t size) {
    std::string text(size, '\0');
    const ssize_t count = recv(pair.client.get(), text.data(), size, MSG_WAITALL);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }
  void turn() {
    reactor.wait(std::chrono::seconds(5));
    reactor.dispatch();
    reactor.finish_turn();
  }
};

/// Notes the events it is called for.
struct Watcher final : IoHandler {
  std::vector<std::uint32_t> events;
  void on_events(std::uint32_t mask) noexcept override { events.push_back(mask); }
};

TEST_F(SocketStreamTest, GathersPiecesInTheirOrder) {
  const std::vector<std::string_view> pieces{"one ", "", "two ", "three"};
  const Stream::Outcome outcome = stream->write(pieces);
  EXPECT_EQ(outcome.status, Status::kMoved);
  EXPECT_EQ(outcome.count, 13U);
  EXPECT_EQ(client_reads(13), "one two three");
}

TEST_F(SocketStreamTest, MorePiecesThanOneCallTakesAreAShortWrite) {
  const std::vector<std::string_view> pieces(100, "x");
  const Stream::Outcome outcome = stream->write(pieces);
  ASSERT_EQ(outcome.status, Status::kMoved);
  EXPECT_LT(outcome.count, 100U);
  EXPECT_EQ(client_reads(outcome.count), std::string(outcome.count, 'x'));
}

TEST_F(SocketStreamTest, BlocksWhereThePeerDoesNotReadAndIsCalledWhenItDoes) {
  Watcher watcher;
  ASSERT_TRUE(stream->watch(EPOLLIN, watcher));
  const std::string piece(1 << 20, 'x');
  const std::string_view view = piece;
  std::size_t written = 0;
  Stream::Outcome outcome;
  while ((outcome = stream->write({&view, 1})).status == Status::kMoved) written += outcome.count;
  EXPECT_EQ(outcome.status, Status::kBlocked);
  ASSERT_TRUE(stream->set_interest(EPOLLOUT));
  EXPECT_EQ(client_reads(written).size(), written);
  turn();
  ASSERT_FALSE(watcher.events.empty());
  EXPECT_NE(watcher.events.front() & EPOLLOUT, 0U);
}

TEST_F(SocketStreamTest, ReadsUntilThePeersEnd) {
  std::array<char, 4> buffer{};
  EXPECT_EQ(stream->read(buffer).status, Status::kBlocked);
  EXPECT_FALSE(stream->has_unread());
  Watcher watcher;
  ASSERT_TRUE(stream->watch(EPOLLIN, watcher));
  client_sends("hello");
  turn();
  EXPECT_TRUE(stream->has_unread());
  EXPECT_EQ(stream->read(buffer).count, 4U);
  EXPECT_EQ(stream->read(buffer).count, 1U);
  EXPECT_FALSE(stream->has_unread());
  shutdown(pair.client.get(), SHUT_WR);
  turn();
  EXPECT_EQ(stream->read(buffer).status, Status::kEnded);
  EXPECT_FALSE(stream->has_unread()) << "an end is nothing to read";
}

TEST_F(SocketStreamTest, OurEndLeavesTheOtherDirectionOpen) {
  ASSERT_TRUE(stream->end_output());
  EXPECT_EQ(client_reads(1), "");
  Watcher watcher;
  ASSERT_TRUE(stream->watch(EPOLLIN, watcher));
  client_sends("late");
  turn();
  std::array<char, 16> buffer{};
  EXPECT_EQ(stream->read(buffer).count, 4U);
  const std::string_view piece = "x";
  EXPECT_EQ(stream->write({&piece, 1}).status, Status::kBroken);
}

TEST_F(SocketStreamTest, AnOrderlyCloseDeliversAndAResetIsSeenAsOne) {
  const std::string_view piece = "bye";
  EXPECT_EQ(stream->write({&piece, 1}).count, 3U);
  stream->close(Stream::Closing::kOrderly);
  stream->close(Stream::Closing::kOrderly);  // idempotent
  EXPECT_EQ(client_reads(4), "bye");

  TcpPair other;
  SocketStream(reactor, std::move(other.server.fd), other.server.peer).close(Stream::Closing::kReset);
  char byte = 0;
  EXPECT_EQ(recv(other.client.get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST_F(SocketStreamTest, AnotherHandlerTakesOver) {
  Watcher first;
  Watcher second;
  ASSERT_TRUE(stream->watch(EPOLLIN, first));
  client_sends("x");
  ASSERT_TRUE(stream->watch(EPOLLIN, second));
  EXPECT_EQ(reactor.size(), 1U);
  turn();
  EXPECT_TRUE(first.events.empty());
  EXPECT_EQ(second.events.size(), 1U);
  stream.reset();
  EXPECT_EQ(reactor.size(), 0U) << "nobody is called for a stream that is gone";
}

TEST_F(SocketStreamTest, NamesBothEnds) {
  EXPECT_EQ(stream->peer().port, local_address(pair.client.get()).port);
  EXPECT_EQ(stream->local().port, peer_address(pair.client.get()).port);
  EXPECT_EQ(stream->local().host(), "127.0.0.1");
  EXPECT_EQ(stream->local_path(), "");
}

}  // namespace
}  // namespace data_bridge::runtime
