// Lines of the access log, and a reader that does not read.
#include "middleware/access_log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

namespace data_bridge::middleware {
namespace {

http::Answered answer(std::string_view target) {
  http::Answered answered;
  answered.method = "GET";
  answered.target = target;
  answered.client_host = "127.0.0.1";
  answered.client_port = 54321;
  answered.status = 200;
  return answered;
}

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0); }
  ~Pipe() {
    close_reader();
    close_writer();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  [[nodiscard]] int writer() const { return ends_[1]; }
  void close_reader() {
    if (ends_[0] >= 0) close(ends_[0]);
    ends_[0] = -1;
  }
  void close_writer() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }
  /// What is there now; waits where nothing is, "" at the end.
  [[nodiscard]] std::string read_some() {
    std::string text(1 << 17, '\0');
    const ssize_t size = read(ends_[0], text.data(), text.size());
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  }
  void make_reader_nonblocking() { fcntl(ends_[0], F_SETFL, O_NONBLOCK); }

 private:
  std::array<int, 2> ends_{-1, -1};
};

TEST(AccessLog, WritesUvicornsLine) {
  Pipe pipe;
  {
    AccessLog log({.fd = pipe.writer()});
    log.on_answered(answer("/items/%7Ea%20%ff?q=a%20b"));
    auto other = answer("/");
    other.method = "POST";
    other.status = 422;
    other.version = http::Version::kHttp10;
    log.on_answered(other);
  }
  EXPECT_EQ(pipe.read_some(),
            "INFO:     127.0.0.1:54321 - \"GET /items/~a%20%EF%BF%BD?q=a%20b HTTP/1.1\" 200 OK\n"
            "INFO:     127.0.0.1:54321 - \"POST / HTTP/1.0\" 422 Unprocessable Content\n");
}

TEST(AccessLog, WhatIsLoggedElsewhereHasNoLine) {
  Pipe pipe;
  {
    AccessLog log({.fd = pipe.writer()});
    auto handshake = answer("/ws");
    handshake.upgrade = true;
    handshake.status = 101;
    log.on_answered(handshake);
    auto reported = answer("/reported");
    reported.reported = true;
    log.on_answered(reported);
    log.set_on(false);
    log.on_answered(answer("/off"));
    log.set_on(true);
    log.on_answered(answer("/on"));
  }
  EXPECT_EQ(pipe.read_some(), "INFO:     127.0.0.1:54321 - \"GET /on HTTP/1.1\" 200 OK\n");
}

TEST(AccessLog, AUnixSocketHasNoAddressAndPhrasesMayBeOld) {
  Pipe pipe;
  {
    AccessLog log({.fd = pipe.writer(), .legacy_reason_phrases = true});
    auto answered = answer("/\"forged\"");
    answered.client_host = {};
    answered.status = 422;
    log.on_answered(answered);
  }
  EXPECT_EQ(pipe.read_some(), "INFO:      - \"GET /%22forged%22 HTTP/1.1\" 422 Unprocessable Entity\n");
}

TEST(AccessLog, LinesComeWithoutWaitingForTheEnd) {
  Pipe pipe;
  AccessLog log({.fd = pipe.writer()});
  log.on_answered(answer("/now"));
  EXPECT_NE(pipe.read_some().find("/now"), std::string::npos);  // blocks until it is there
}

TEST(AccessLog, WhoFlushesComesBehindWhatThereIs) {
  Pipe pipe;
  pipe.make_reader_nonblocking();
  AccessLog log({.fd = pipe.writer()});
  log.flush();
  EXPECT_EQ(pipe.read_some(), "");
  for (int i = 0; i < 20; ++i) {
    log.on_answered(answer("/"));
    log.flush();
    EXPECT_EQ(pipe.read_some(), "INFO:     127.0.0.1:54321 - \"GET / HTTP/1.1\" 200 OK\n");
  }
}

TEST(AccessLog, AReaderThatDoesNotReadHoldsUpNobody) {
  Pipe pipe;
  pipe.make_reader_nonblocking();
  const auto begin = std::chrono::steady_clock::now();
  {
    AccessLog log({.fd = pipe.writer(), .max_waiting = std::size_t{64} * 1024});
    // Far more than the pipe (64 KiB), the writer's hands and max_waiting together hold.
    for (int i = 0; i < 20'000; ++i) log.on_answered(answer("/a/path/that/fills/the/log"));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_NE(pipe.read_some().find("/a/path"), std::string::npos);
}

TEST(AccessLog, SaysHowManyLinesWereDropped) {
  Pipe pipe;
  std::string text;
  std::thread reader;
  {
    AccessLog log({.fd = pipe.writer(), .max_waiting = std::size_t{16} * 1024});
    for (int i = 0; i < 20'000; ++i) log.on_answered(answer("/a/path/that/fills/the/log"));
    reader = std::thread([&] {
      for (std::string piece = pipe.read_some(); !piece.empty(); piece = pipe.read_some()) text += piece;
    });
  }
  pipe.close_writer();
  reader.join();

  std::size_t written = 0;
  std::size_t dropped = 0;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    if (text.compare(at, 10, "WARNING:  ") == 0) {
      dropped += std::stoul(text.substr(at + 10));
    } else {
      ++written;
    }
  }
  EXPECT_GT(dropped, 0U);
  EXPECT_EQ(written + dropped, 20'000U);
}

TEST(AccessLog, AReaderThatIsGoneIsNoError) {
  signal(SIGPIPE, SIG_IGN);  // as Python does
  Pipe pipe;
  pipe.close_reader();
  AccessLog log({.fd = pipe.writer()});
  for (int i = 0; i < 100; ++i) log.on_answered(answer("/"));
}

TEST(AccessLog, SeveralThreadsShareIt) {
  Pipe pipe;
  std::string text;
  {
    AccessLog log({.fd = pipe.writer()});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&log] {
        for (int i = 0; i < 200; ++i) log.on_answered(answer("/x"));
      });
    }
    for (auto& thread : threads) thread.join();
  }
  pipe.make_reader_nonblocking();
  for (std::string piece = pipe.read_some(); !piece.empty(); piece = pipe.read_some()) text += piece;
  const std::string line = "INFO:     127.0.0.1:54321 - \"GET /x HTTP/1.1\" 200 OK\n";
  EXPECT_EQ(text.size(), 800 * line.size());
  for (std::size_t at = 0; at < text.size(); at += line.size()) ASSERT_EQ(text.compare(at, line.size(), line), 0);
}

}  // namespace
}  // namespace data_bridge::middleware
