// What is held leaves by itself after a while, not before, and not once it is taken back.
#include "runtime/late_sender.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "runtime/file_descriptor.hpp"
#include "runtime/sanitizers.hpp"

namespace data_bridge::runtime {
namespace {

using namespace std::chrono_literals;
using Held = LateSender::Held;

/// A connected pair that keeps the borders of what was sent.
struct Pair {
  FileDescriptor ours;
  FileDescriptor theirs;

  Pair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    ours = FileDescriptor(ends[0]);
    theirs = FileDescriptor(ends[1]);
  }

  /// The next message, "" where none comes within `wait`.
  [[nodiscard]] std::string receive(std::chrono::milliseconds wait = 2s) const {
    pollfd readable{.fd = theirs.get(), .events = POLLIN, .revents = 0};
    if (poll(&readable, 1, static_cast<int>(wait.count())) != 1) return "";
    std::array<char, 65536> room;
    const ssize_t count = recv(theirs.get(), room.data(), room.size(), 0);
    return {room.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }
};

Buffer buffer_of(std::string_view text) {
  Buffer buffer;
  buffer.append(text);
  return buffer;
}

void put(Held& held, std::string_view text) {
  Buffer bytes;
  held.take_back(bytes);
  bytes.append(text);
  held.put(bytes);
}

TEST(LateSender, SendsWhatIsNotTakenBack) {
  LateSender sender;
  const Pair pair;
  Held held(sender, pair.ours.get());
  const auto begin = LateSender::Clock::now();
  put(held, "one");
  put(held, "two");
  EXPECT_EQ(held.size(), 6U);
  EXPECT_EQ(pair.receive(), "onetwo");
  EXPECT_GE(LateSender::Clock::now() - begin, LateSender::kPatience);
  Buffer left;
  held.take_back(left);
  EXPECT_TRUE(left.empty());
  EXPECT_EQ(held.size(), 0U);
}

TEST(LateSender, WhatIsTakenBackIsNotSent) {
  LateSender sender;
  const Pair pair;
  Held held(sender, pair.ours.get());
  put(held, "one");
  Buffer back;
  held.take_back(back);
  if (back.empty()) {  // a busy machine: the other thread was first
    EXPECT_EQ(pair.receive(), "one");
  } else {
    EXPECT_EQ(back.view(), "one");
    EXPECT_EQ(pair.receive(20ms), "");
  }
}

// Pieces that keep coming do not put off those before them.
TEST(LateSender, PatienceBeginsWithTheFirst) {
  LateSender sender;
  const Pair pair;
  Held held(sender, pair.ours.get());
  const auto end = LateSender::Clock::now() + 200ms;
  std::size_t sent = 0;
  while (LateSender::Clock::now() < end) {
    put(held, "x");
    ++sent;
    std::this_thread::sleep_for(100us);
  }
  std::size_t messages = 0;
  std::string all;
  while (all.size() < sent) {
    const std::string message = pair.receive();
    ASSERT_NE(message, "");
    all += message;
    ++messages;
  }
  EXPECT_GE(messages, 10U);
  EXPECT_EQ(all, std::string(sent, 'x'));
}

TEST(LateSender, ManySocketsAndAgainAfterASleep) {
  LateSender sender;
  std::vector<Pair> pairs(50);
  std::vector<std::unique_ptr<Held>> all;
  for (const Pair& pair : pairs) all.push_back(std::make_unique<Held>(sender, pair.ours.get()));
  for (int round = 0; round < 2; ++round) {
    for (auto& held : all) put(*held, "piece");
    for (const Pair& pair : pairs) EXPECT_EQ(pair.receive(), "piece");
    std::this_thread::sleep_for(60ms);  // its thread sleeps by now
  }
}

TEST(LateSender, WhatDoesNotFitWaitsForRoomOrForItsOwner) {
  LateSender sender;
  Pair pair;
  const int small = 4096;
  ASSERT_EQ(setsockopt(pair.ours.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
  std::size_t filled = 0;
  while (send(pair.ours.get(), "fill", 4, MSG_NOSIGNAL) == 4) ++filled;
  Held held(sender, pair.ours.get());
  put(held, "late");
  std::this_thread::sleep_for(20ms);
  Buffer back;
  held.take_back(back);
  EXPECT_EQ(back.view(), "late");
  held.put(back);
  for (std::size_t i = 0; i < filled; ++i) EXPECT_EQ(pair.receive(), "fill");
  EXPECT_EQ(pair.receive(), "late");
}

TEST(LateSender, APeerThatIsGoneIsItsOwnersAffair) {
  LateSender sender;
  Pair pair;
  pair.theirs = FileDescriptor();
  Held held(sender, pair.ours.get());
  put(held, "nobody");
  std::this_thread::sleep_for(20ms);
  Buffer back;
  held.take_back(back);
  EXPECT_EQ(back.view(), "nobody");
}

TEST(LateSender, AForkedChildSendsNothingOfItsParents) {
  if (DATA_BRIDGE_THREAD_SANITIZER) GTEST_SKIP() << "ThreadSanitizer ends a forked child that starts a thread";
  LateSender sender;
  const Pair pair;
  Held held(sender, pair.ours.get());
  put(held, "once");
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    Buffer left;
    held.take_back(left);
    bool good = left.empty();
    {
      LateSender* const copied = &sender;
      const Pair own;
      Held mine(*copied, own.ours.get());
      put(mine, "child");
      good = good && own.receive() == "child";
    }
    sender.~LateSender();  // joins nobody
    _exit(good ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(pair.receive(), "once");
  EXPECT_EQ(pair.receive(20ms), "");
}

TEST(LateSender, EndsWithSomethingHeld) {
  LateSender sender;
  const Pair pair;
  {
    Held held(sender, pair.ours.get());
    Buffer bytes = buffer_of("dropped");
    held.put(bytes);
  }
  EXPECT_EQ(pair.receive(10ms), "");
}

}  // namespace
}  // namespace data_bridge::runtime
