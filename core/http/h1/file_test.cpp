// Bodies that are in files, and trailers.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <initializer_list>
#include <latch>
#include <list>
#include <string>
#include <vector>

#include "http/server_testing.hpp"
#include "http/stream_testing.hpp"
#include "runtime/blocking_threads.hpp"
#include "runtime/file_testing.hpp"

namespace data_bridge::http::h1 {
namespace {

using runtime::numbered;
using runtime::TestFiles;

struct FileServer : TestServer {
  explicit FileServer(Options options = without_date()) : TestServer(std::move(options)) {
    handler.answer = [this](Exchange& exchange) { answer(exchange); };
  }

  /// The parts that the test has set, or all of the file.
  void answer(Exchange& exchange) {
    if (exchange.request().path != "/file") return exchange.respond(200, "text/plain", "other");
    TestListener& listener = listeners.emplace_back();
    listener.on_room = [this](Exchange& later) { later.finish(trailers); };
    exchange.set_listener(&listener);
    exchange.open_file(path, [this](Exchange& later, const Exchange::OpenedFile& opened) {
      if (!opened) return later.respond(404, "text/plain", std::to_string(opened.error()));
      FileBody body{.file = *opened, .parts = parts, .after = after};
      if (parts.empty()) body.parts.push_back({.before = {}, .offset = 0, .size = (*opened)->size});
      later.start(200, headers);
      later.write_file(std::move(body), last);
      later.flush();
    });
  }
  /// What the client reads until there are so many bytes, or the end.
  std::string read(TestClient& client, std::size_t size) {
    std::string text;
    EXPECT_TRUE(until([&] {
      text += client.read();
      return text.size() >= size || client.ended();
    }));
    return text;
  }
  void set_length(std::size_t size) {
    length = std::to_string(size);
    headers = {{"content-length", length}};
  }
  [[nodiscard]] std::string head() const {
    return "HTTP/1.1 200 OK\r\n" +
           (headers.empty() ? "transfer-encoding: chunked\r\n" : "content-length: " + length + "\r\n") + "\r\n";
  }

  TestFiles files;
  std::string path;
  std::string length;
  std::vector<Header> headers;
  std::vector<FileBody::Part> parts;
  std::string after;
  bool last = true;
  std::vector<Header> trailers;
  std::list<TestListener> listeners;
};

TEST(FileBody, SmallOnesLeaveWithTheirHead) {
  FileServer server;
  server.path = server.files.make("a", "hello");
  server.set_length(5);
  TestClient client = server.connect();
  client.send(get("/file") + get("/other"));
  EXPECT_EQ(server.read(client, server.head().size() + 5 + ok("other").size()), server.head() + "hello" + ok("other"));
  EXPECT_EQ(server.listeners.front().answers, 1);
}

TEST(FileBody, EverySizeArrivesWhole) {
  for (const std::size_t size : std::initializer_list<std::size_t>{0, 1, 32768, 32769, 524288, 3000001}) {
    FileServer server;
    const std::string content = numbered(size);
    server.path = server.files.make("a", content);
    server.set_length(size);
    TestClient client = server.connect();
    client.send(get("/file") + get("/other"));
    EXPECT_EQ(server.read(client, server.head().size() + size + ok("other").size()),
              server.head() + content + ok("other"))
        << size;
  }
}

TEST(FileBody, ComesFromTheDiskWhileOthersAreServed) {
  FileServer server;
  const std::string content = numbered(2'000'000);
  server.path = server.files.make("a", content);
  server.set_length(content.size());
  TestFiles::forget(server.path);
  TestClient client = server.connect();
  client.send(get("/file"));
  TestClient other = server.connect();
  EXPECT_EQ(server.ask(other, get("/x")), ok("other"));
  EXPECT_EQ(server.read(client, server.head().size() + content.size()), server.head() + content);
}

TEST(FileBody, PartsWithTextBetween) {
  FileServer server;
  const std::string content = numbered(100'000);
  server.path = server.files.make("a", content);
  server.parts = {{"<1>", 10, 5}, {"<2>", 0, 0}, {"<3>", 50'000, 40'000}, {"", 99'999, 1}};
  server.after = "<end>";
  const std::string body =
      "<1>" + content.substr(10, 5) + "<2><3>" + content.substr(50'000, 40'000) + content.substr(99'999) + "<end>";
  server.set_length(body.size());
  TestClient client = server.connect();
  client.send(get("/file"));
  EXPECT_EQ(server.read(client, server.head().size() + body.size()), server.head() + body);

  server.headers.clear();
  const std::string chunked = "8\r\n<1>" + content.substr(10, 5) + "\r\n3\r\n<2>\r\n9c43\r\n<3>" +
                              content.substr(50'000, 40'000) + "\r\n1\r\n" + content.substr(99'999) +
                              "\r\n5\r\n<end>\r\n0\r\n\r\n";
  client.send(get("/file"));
  EXPECT_EQ(server.read(client, server.head().size() + chunked.size()), server.head() + chunked);
}

TEST(FileBody, NoneForHead) {
  FileServer server;
  server.path = server.files.make("a", numbered(100'000));
  server.set_length(100'000);
  TestClient client = server.connect();
  client.send("HEAD /file HTTP/1.1\r\nHost: h\r\n\r\n" + get("/other"));
  EXPECT_EQ(server.read(client, server.head().size() + ok("other").size()), server.head() + ok("other"));
}

TEST(FileBody, ThatIsNotThereIsAnErrno) {
  FileServer server;
  server.path = server.files.path("none");
  TestClient client = server.connect();
  client.send(get("/file"));
  EXPECT_TRUE(server.read(client, 30).ends_with("\r\n" + std::to_string(ENOENT)));
}

TEST(FileBody, ThatHasBecomeShorterBreaksOff) {
  FileServer server;
  server.path = server.files.make("a", numbered(100'000));
  server.parts = {{"", 0, 200'000}};
  server.set_length(200'000);
  TestClient client = server.connect();
  client.send(get("/file"));
  const std::string answer = server.read(client, 300'000);
  EXPECT_TRUE(client.ended());
  EXPECT_LE(answer.size(), server.head().size() + 100'000);
  EXPECT_EQ(server.listeners.front().disconnects, 1);
}

TEST(FileBody, LongerThanDeclaredBreaksOff) {
  FileServer server;
  server.path = server.files.make("a", numbered(100'000));
  server.set_length(10);
  TestClient client = server.connect();
  client.send(get("/file"));
  EXPECT_EQ(server.read(client, 100'000), server.head());
  EXPECT_TRUE(client.ended());
}

TEST(FileBody, EndsWithItsClient) {
  FileServer server;
  server.path = server.files.make("a", numbered(5'000'000));
  server.set_length(5'000'000);
  TestClient client = server.connect();
  client.send(get("/file"));
  server.settle();
  EXPECT_EQ(server.listeners.front().disconnects + server.listeners.front().answers, 0);
  client.close();
  EXPECT_TRUE(server.until([&] { return server.connections.size() == 0; }));
  EXPECT_EQ(server.listeners.front().disconnects, 1);
}

TEST(FileBody, WhoLeavesWaitsNoLongerForTheDisk) {
  std::latch gate(1);
  FileServer server;
  runtime::BlockingThreads& threads = server.connections.blocking_threads();
  std::vector<runtime::BlockingThreads::Place> busy;
  for (std::size_t i = 0; i < runtime::BlockingThreads::kMost; ++i) {
    busy.push_back(threads.submit([&gate] { gate.wait(); }));
  }
  EXPECT_TRUE(server.until([&] { return threads.waiting() == 0; }));
  server.path = server.files.make("a", "hello");
  server.path.insert(0, "/proc/self/root");  // which the kernel does not follow without waiting
  server.set_length(5);

  for (int round = 0; round < 20; ++round) {
    std::vector<TestClient> clients;
    for (int i = 0; i < 10; ++i) clients.push_back(server.connect());
    for (TestClient& client : clients) client.send(get("/file"));
    EXPECT_TRUE(server.until([&] { return threads.waiting() == clients.size(); }));
    for (TestClient& client : clients) client.close();
    EXPECT_TRUE(server.until([&] { return server.connections.size() == 0; }));
    EXPECT_EQ(threads.waiting(), 0U);
  }

  TestClient stays = server.connect();
  stays.send(get("/file"));
  EXPECT_TRUE(server.until([&] { return threads.waiting() == 1; }));
  gate.count_down();
  EXPECT_EQ(server.read(stays, server.head().size() + 5), server.head() + "hello");
}

TEST(FileBody, AClientThatTakesNothingIsCutOff) {
  FileServer server(TestServer::impatient());
  server.path = server.files.make("a", numbered(5'000'000));
  server.set_length(5'000'000);
  TestClient client = server.connect();
  client.send(get("/file"));
  EXPECT_TRUE(server.until([&] { return server.connections.size() == 0; }));
  EXPECT_EQ(server.listeners.front().disconnects, 1);
}

TEST(FileBody, IsSentWhileItsClientTakesIt) {
  MemoryPeer peer;
  FileServer server(TestServer::impatient());
  const std::string content = numbered(2'000'000);
  server.path = server.files.make("a", content);
  server.set_length(content.size());
  server.connections.adopt(std::make_unique<MemoryStream>(peer));
  peer.to_server = get("/file", "Connection: close\r\n");
  peer.turn(1000, 0);
  server.turn();
  EXPECT_TRUE(server.until([&] {
    peer.turn(0, 7777);
    return peer.closed;
  }));
  EXPECT_EQ(peer.from_server,
            "HTTP/1.1 200 OK\r\ncontent-length: " + server.length + "\r\nconnection: close\r\n\r\n" + content);
}

TEST(Trailers, StandBehindTheLastChunk) {
  FileServer server;
  const std::string content = numbered(40'000);
  server.path = server.files.make("a", content);
  server.last = false;  // and the listener, who is told that it has left, adds the trailers
  server.trailers = {{"x-sum", "1"}, {"Content-Length", "3"}, {"x bad", "2"}, {"x-last", "4"}};
  TestClient client = server.connect();
  client.send(get("/file"));
  const std::string body = "9c40\r\n" + content + "\r\n0\r\nx-sum: 1\r\nx-last: 4\r\n\r\n";
  EXPECT_EQ(server.read(client, server.head().size() + body.size()), server.head() + body);

  server.set_length(content.size());
  client.send(get("/file") + get("/other"));
  EXPECT_EQ(server.read(client, server.head().size() + content.size() + ok("other").size()),
            server.head() + content + ok("other"));
}

}  // namespace
}  // namespace data_bridge::http::h1
