// A request between two threads, with an application that is a thread of the test's and knows no Python.
#include "bridge/conversation/conversation.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "http/layer_testing.hpp"
#include "http/server_testing.hpp"

namespace data_bridge::bridge {
namespace {

using http::BodyMode;
using http::get;
using http::ok;
using http::TestClient;
using std::chrono::milliseconds;
using State = Conversation::State;
using Received = Conversation::Received;
using Ending = Conversation::Ending;

/// What wake() is called for, on whichever thread the application has.
class Application {
 public:
  void post(std::function<void()> task) {
    {
      const std::scoped_lock lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
  }
  /// Runs what is queued, waits for it up to a minute. False where nothing came.
  bool run_one() {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait_for(lock, std::chrono::minutes(1), [&] { return !tasks_.empty(); })) return false;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
    return true;
  }
  [[nodiscard]] std::size_t queued() {
    const std::scoped_lock lock(mutex_);
    return tasks_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
};

class TestConversation final : public Conversation {
 public:
  static std::shared_ptr<TestConversation> begin_with(http::Exchange& exchange, Body body, bool local,
                                                      Application& application,
                                                      milliseconds timeout = milliseconds(0)) {
    auto made = std::make_shared<TestConversation>(exchange, body, local, application);
    made->begin(exchange, timeout);
    return made;
  }
  TestConversation(http::Exchange& exchange, Body body, bool local, Application& application)
      : Conversation(exchange, body, local), application_(application) {}
  ~TestConversation() override = default;

  std::atomic<int> wakes = 0;

 private:
  void wake() noexcept override {
    application_.post([this, keep = shared_from_this()] {
      woken();
      ++wakes;
    });
  }
  Application& application_;
};

std::string post(std::string_view body, std::string_view fields = "") {
  return "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(fields) +
         "\r\n" + std::string(body);
}

/// A server whose requests become conversations: `local`, with an application in the test's own thread, or not.
struct Talk {
  explicit Talk(bool is_local, Conversation::Body body_delivery = Conversation::Body::kStream)
      : local(is_local), delivery(body_delivery) {
    server.handler.mode = [this](const http::Request&) {
      return delivery == Conversation::Body::kWhole ? BodyMode::kBuffer : BodyMode::kStream;
    };
    server.handler.answer = [this](http::Exchange& exchange) {
      if (exchange.enter(layers)) return;
      conversation = TestConversation::begin_with(exchange, delivery, local, application, timeout);
    };
  }
  /// Sends a request and has it become `conversation`.
  std::shared_ptr<TestConversation> ask(std::string_view request) {
    client.send(request);
    EXPECT_TRUE(server.until([&] { return conversation != nullptr; }));
    return std::exchange(conversation, nullptr);
  }
  /// Runs `work` as the application: on its own thread while the server turns, unless it is local.
  void as_application(const std::function<void()>& work) {
    if (local) {
      work();
      server.settle();
      return;
    }
    std::atomic<bool> done = false;
    std::thread thread([&] {
      work();
      done = true;
    });
    EXPECT_TRUE(server.until([&] { return done.load(); }));
    thread.join();
    server.settle();
  }
  /// Lets the application hear what it was woken for.
  void hear() {
    while (application.queued() != 0) as_application([&] { application.run_one(); });
  }

  bool local;
  Conversation::Body delivery;
  milliseconds timeout{0};
  std::shared_ptr<const http::Pipeline> layers;  // of the route
  Application application;
  http::TestServer server;
  std::shared_ptr<TestConversation> conversation;
  TestClient client = server.connect();
};

class BothSides : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Conversation, BothSides, testing::Bool(),
                         [](const auto& side) { return side.param ? "OneThread" : "TwoThreads"; });

TEST_P(BothSides, RespondsOnce) {
  Talk talk(GetParam(), Conversation::Body::kWhole);
  const auto conversation = talk.ask(get("/path"));
  EXPECT_EQ(conversation->request().head().path, "/path");
  talk.as_application([&] {
    EXPECT_EQ(conversation->state(), State::kWaiting);
    conversation->respond(200, "text/plain", "whole");
    EXPECT_EQ(conversation->state(), State::kComplete);
    EXPECT_EQ(conversation->breach(), Conversation::Breach::kNone);
    conversation->end(Ending::kReturned);
  });
  EXPECT_EQ(talk.client.read(), ok("whole"));
  EXPECT_FALSE(talk.client.ended());
}

TEST_P(BothSides, GivesTheBodyOfABufferedRequestOnceAndThenTheEnd) {
  Talk talk(GetParam(), Conversation::Body::kWhole);
  const auto conversation = talk.ask(post("all of it"));
  talk.as_application([&] {
    conversation->open();
    std::string body;
    bool more = true;
    EXPECT_EQ(conversation->receive(body, more), Received::kBody);
    EXPECT_EQ(body, "all of it");
    EXPECT_FALSE(more);
    EXPECT_EQ(conversation->receive(body, more), Received::kNothing);
    conversation->respond(200, "text/plain", "");
    EXPECT_EQ(conversation->receive(body, more), Received::kDisconnect);
  });
}

TEST_P(BothSides, StreamsALargeBodyInPiecesOfTheHighWaterMark) {
  for (const auto delivery : {Conversation::Body::kStream, Conversation::Body::kLater}) {
    Talk talk(GetParam(), delivery);
    const std::string sent(1'000'000, 'b');
    const std::string request = post(sent);
    std::size_t left = talk.client.send(request);
    const auto conversation = talk.ask("");
    std::string got;
    bool more = true;
    std::size_t most = 0;
    if (delivery == Conversation::Body::kLater) talk.as_application([&] { conversation->open(); });
    while (more) {
      left += talk.client.send(std::string_view(request).substr(left));
      talk.server.settle();
      talk.as_application([&] {
        std::string piece;
        if (conversation->receive(piece, more) == Received::kBody) got += piece;
        most = std::max(most, piece.size());
      });
    }
    EXPECT_EQ(got.size(), sent.size());
    EXPECT_LE(most, Conversation::kHighWater + std::size_t{128} * 1024);  // a read that was under way
  }
}

TEST_P(BothSides, WakesOnlyWhomSomebodyWaits) {
  Talk talk(GetParam());
  const auto conversation = talk.ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n");
  talk.client.send("ab");
  talk.server.settle();
  EXPECT_EQ(talk.application.queued(), 0U);
  std::string body;
  bool more = false;
  talk.as_application([&] {
    EXPECT_EQ(conversation->receive(body, more), Received::kBody);
    EXPECT_TRUE(more);
    EXPECT_EQ(conversation->receive(body, more), Received::kNothing);
  });
  talk.client.send("cd");
  talk.server.settle();
  talk.client.send("ef");
  talk.server.settle();
  EXPECT_EQ(talk.application.queued(), 1U);  // once until it was heard
  talk.hear();
  talk.as_application([&] {
    EXPECT_EQ(conversation->receive(body, more), Received::kBody);
    EXPECT_EQ(body, "cdef");
    EXPECT_FALSE(more);
  });
}

TEST_P(BothSides, TellsOfAClientThatHasLeft) {
  for (const auto delivery : {Conversation::Body::kStream, Conversation::Body::kWhole, Conversation::Body::kLater}) {
    Talk talk(GetParam(), delivery);
    const auto conversation = talk.ask(get("/"));
    std::string body;
    bool more = false;
    talk.as_application([&] {
      conversation->open();
      EXPECT_EQ(conversation->receive(body, more), Received::kBody);  // of length 0
      EXPECT_FALSE(more);
      EXPECT_EQ(conversation->receive(body, more), Received::kNothing);
    });
    talk.client.close();
    talk.server.settle();
    talk.hear();
    EXPECT_EQ(conversation->wakes, 1);
    talk.as_application([&] {
      EXPECT_TRUE(conversation->gone());
      EXPECT_EQ(conversation->receive(body, more), Received::kDisconnect);
      EXPECT_EQ(conversation->room_to_send(), Conversation::Room::kGone);
      conversation->start(200, {}, 5);  // to nobody
      EXPECT_EQ(conversation->send("hello", false), Conversation::Sent::kGood);
      EXPECT_EQ(conversation->breach(), Conversation::Breach::kNone);
      conversation->end(Ending::kReturned);
    });
  }
}

TEST_P(BothSides, WritesAnAnswerInPieces) {
  Talk talk(GetParam());
  const auto conversation = talk.ask(get("/"));
  talk.as_application([&] {
    conversation->start(200, {}, std::nullopt);
    EXPECT_EQ(conversation->state(), State::kStarted);
    EXPECT_EQ(conversation->send("one", true), Conversation::Sent::kGood);
    EXPECT_EQ(conversation->send("", true), Conversation::Sent::kGood);
    EXPECT_EQ(conversation->send("two", false), Conversation::Sent::kGood);
    EXPECT_EQ(conversation->state(), State::kComplete);
    conversation->end(Ending::kReturned);
  });
  EXPECT_EQ(talk.client.read(),
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
  EXPECT_FALSE(talk.client.ended());
}

TEST_P(BothSides, HoldsToADeclaredLength) {
  const http::Header length{"content-length", "5"};
  {
    Talk talk(GetParam());
    const auto conversation = talk.ask(get("/"));
    talk.as_application([&] {
      conversation->start(200, {&length, 1}, 5);
      EXPECT_EQ(conversation->send("sixsix", false), Conversation::Sent::kTooLong);
      conversation->end(Ending::kRaised);
    });
    EXPECT_EQ(talk.client.read(), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
    EXPECT_TRUE(talk.client.ended());
  }
  {
    Talk talk(GetParam());
    const auto conversation = talk.ask(get("/"));
    talk.as_application([&] {
      conversation->start(200, {&length, 1}, 5);
      EXPECT_EQ(conversation->send("four", false), Conversation::Sent::kTooShort);
      conversation->end(Ending::kRaised);
    });
    talk.client.read();
    EXPECT_TRUE(talk.client.ended());
  }
  Talk talk(GetParam());
  const auto conversation = talk.ask("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  talk.as_application([&] {
    conversation->start(200, {&length, 1}, 5);
    EXPECT_EQ(conversation->send("sixsix", false), Conversation::Sent::kGood);
  });
  EXPECT_EQ(talk.client.read(), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
}

struct End {
  State reached;
  Ending ending;
  Conversation::Breach breach;
  std::string answer;
  bool closes;
};

TEST_P(BothSides, EndsWhatIsNotComplete) {
  const std::string error =
      "HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 21\r\n"
      "connection: close\r\n\r\nInternal Server Error";
  const std::string begun = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n.\r\n";
  for (const End& end : std::vector<End>{
           {State::kWaiting, Ending::kReturned, Conversation::Breach::kNotStarted, error, true},
           {State::kWaiting, Ending::kRaised, Conversation::Breach::kNotStarted, error, true},
           {State::kWaiting, Ending::kUnlawful, Conversation::Breach::kNotStarted, "", true},
           {State::kStarted, Ending::kReturned, Conversation::Breach::kNotCompleted, begun, true},
           {State::kStarted, Ending::kRaised, Conversation::Breach::kNotCompleted, begun, true},
           {State::kComplete, Ending::kReturned, Conversation::Breach::kNone, begun + "0\r\n\r\n", false},
           {State::kComplete, Ending::kRaised, Conversation::Breach::kNone, begun + "0\r\n\r\n", true},
       }) {
    Talk talk(GetParam());
    const auto conversation = talk.ask(get("/"));
    talk.as_application([&] {
      if (end.reached != State::kWaiting) {
        conversation->start(200, {}, std::nullopt);
        conversation->send(".", true);
      }
      if (end.reached == State::kComplete) conversation->send("", false);
      EXPECT_EQ(conversation->breach(), end.breach);
      conversation->end(end.ending);
      EXPECT_EQ(conversation->state(), State::kComplete);
      conversation->end(Ending::kReturned);  // over is over
    });
    EXPECT_EQ(talk.client.read(), end.answer);
    EXPECT_EQ(talk.client.ended(), end.closes);
  }
}

TEST_P(BothSides, HoldsTheSenderBackUntilTheClientReads) {
  Talk talk(GetParam());
  const auto conversation = talk.ask(get("/"));
  const std::string piece(32 * 1024, 'p');
  std::size_t sent = 0;
  talk.as_application([&] {
    conversation->start(200, {}, std::nullopt);
    while (conversation->room_to_send() == Conversation::Room::kYes) {
      conversation->send(piece, true);
      if (++sent > 10'000) break;
      if (GetParam()) talk.server.turn();
    }
    EXPECT_TRUE(conversation->send_paused());
  });
  EXPECT_LT(sent, 10'000U);
  std::size_t received = 0;
  EXPECT_TRUE(talk.server.until([&] {
    received += talk.client.read().size();
    return talk.application.queued() != 0;
  }));
  talk.hear();
  talk.as_application([&] {
    EXPECT_EQ(conversation->room_to_send(), Conversation::Room::kYes);
    conversation->send("", false);
    conversation->end(Ending::kReturned);
  });
  EXPECT_TRUE(talk.server.until([&] {
    received += talk.client.read().size();
    return received >= sent * piece.size();
  }));
}

// A piece that the kernel takes whole, so that the connection never holds anything back itself.
TEST(Conversation, HoldsTheSenderBackWhileItsBytesAreOnTheirWay) {
  Talk talk(false);
  const auto conversation = talk.ask(get("/"));
  conversation->start(200, {}, std::nullopt);
  EXPECT_EQ(conversation->room_to_send(), Conversation::Room::kYes);
  conversation->send(std::string(80 * 1024, 'p'), true);
  EXPECT_EQ(conversation->room_to_send(), Conversation::Room::kNo);
  EXPECT_EQ(talk.application.queued(), 0U);
  EXPECT_TRUE(talk.server.until([&] { return talk.application.queued() != 0; }));
  talk.application.run_one();
  EXPECT_EQ(conversation->room_to_send(), Conversation::Room::kYes);
  EXPECT_GT(talk.client.read().size(), std::size_t{80} * 1024);
}

TEST_P(BothSides, WantsABodyThatWaitsForLeave) {
  Talk talk(GetParam());
  const auto conversation = talk.ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  std::string body;
  bool more = false;
  EXPECT_EQ(talk.client.read(), "");
  talk.as_application([&] { EXPECT_EQ(conversation->receive(body, more), Received::kNothing); });
  EXPECT_EQ(talk.client.read(), "HTTP/1.1 100 Continue\r\n\r\n");
}

// --- deadlines: a request that is waiting, one that has begun, one that streams, one that is answered ---------------

TEST_P(BothSides, ADeadlineAnswersAndWakes) {
  for (const auto delivery : {Conversation::Body::kStream, Conversation::Body::kWhole, Conversation::Body::kLater}) {
    for (const bool opened : {false, true}) {
      Talk talk(GetParam(), delivery);
      talk.timeout = milliseconds(20);
      const auto conversation = talk.ask(get("/"));
      if (opened) talk.as_application([&] { conversation->open(); });
      EXPECT_TRUE(talk.server.until([&] { return talk.application.queued() != 0; }));
      talk.hear();
      talk.server.settle();
      EXPECT_EQ(talk.client.read(),
                "HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 15\r\ncontent-type: text/plain; charset=utf-8\r\n\r\n"
                "Gateway Timeout");
      EXPECT_FALSE(talk.client.ended());
      talk.as_application([&] {
        EXPECT_TRUE(conversation->expired());
        EXPECT_TRUE(conversation->gone());
        conversation->respond(200, "text/plain", "too late");
        conversation->end(Ending::kRaised);
      });
      EXPECT_EQ(conversation->wakes, 1);
    }
  }
}

TEST_P(BothSides, ADeadlineBreaksOffAnAnswerThatHasBegun) {
  Talk talk(GetParam());
  talk.timeout = milliseconds(100);
  const auto conversation = talk.ask(get("/"));
  talk.as_application([&] {
    conversation->start(200, {}, std::nullopt);
    conversation->send("part", true);
  });
  EXPECT_TRUE(talk.server.until([&] { return talk.application.queued() != 0; }));
  talk.hear();
  EXPECT_EQ(talk.client.read(), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n");
  EXPECT_TRUE(talk.client.ended());
  EXPECT_TRUE(conversation->expired());
}

TEST_P(BothSides, WhatTheApplicationAnswersPassesNoLayersOfItsRoute) {
  const auto route = http::pipeline({std::make_shared<http::Shout>("route")});
  enum class How : std::uint8_t { kNative, kApplication, kFailure, kDeadline };
  for (const How how : {How::kNative, How::kApplication, How::kFailure, How::kDeadline}) {
    Talk talk(GetParam(), Conversation::Body::kWhole);
    talk.layers = route;
    if (how == How::kDeadline) talk.timeout = milliseconds(20);
    const auto conversation = talk.ask(get("/"));
    talk.as_application([&] {
      if (how == How::kNative) conversation->respond(200, "text/plain", "native");
      if (how == How::kFailure) conversation->end(Conversation::Ending::kRaised);
      if (how != How::kApplication) return;
      conversation->leave_layers();
      conversation->start(200, {}, std::nullopt);
      conversation->send("application", false);
    });
    std::string heard;
    EXPECT_TRUE(talk.server.until([&] { return (heard += talk.client.read()).find("\r\n\r\n") != std::string::npos; }));
    EXPECT_EQ(heard.find("x-route") != std::string::npos, how == How::kNative) << heard;
    talk.as_application([&] { conversation->end(Conversation::Ending::kReturned); });
  }
}

TEST_P(BothSides, ADeadlineIsForgottenBehindAnAnswer) {
  for (const auto delivery : {Conversation::Body::kStream, Conversation::Body::kWhole}) {
    Talk talk(GetParam(), delivery);
    talk.timeout = milliseconds(20);
    const auto conversation = talk.ask(get("/"));
    talk.as_application([&] { conversation->respond(200, "text/plain", "in time"); });
    EXPECT_EQ(talk.client.read(), ok("in time"));
    const auto later = runtime::Clock::now() + milliseconds(60);
    EXPECT_TRUE(talk.server.until([&] { return runtime::Clock::now() > later; }));
    EXPECT_FALSE(conversation->expired());
    EXPECT_EQ(talk.application.queued(), 0U);
    EXPECT_EQ(talk.server.ask(talk.client, get("/")), "");  // the next one waits for its own answer
    EXPECT_FALSE(talk.client.ended());
  }
}

// Everything at once: pieces in and out, clients that leave, deadlines; for ThreadSanitizer.
TEST(Conversation, TwoThreadsThatHurry) {
  constexpr int kRequests = 200;
  Application application;
  http::TestServer server;
  std::atomic<int> ended = 0;
  int asked = 0;
  server.handler.mode = [](const http::Request&) { return BodyMode::kStream; };
  server.handler.answer = [&](http::Exchange& exchange) {
    const auto body = asked % 2 == 0 ? Conversation::Body::kStream : Conversation::Body::kLater;
    const milliseconds timeout(asked % 5 == 0 ? 1 : 0);
    auto conversation = TestConversation::begin_with(exchange, body, false, application, timeout);
    ++asked;
    application.post([conversation = std::move(conversation), &ended] {
      conversation->open();
      std::string body_piece;
      bool more = true;
      for (int i = 0; i < 50 && more; ++i) conversation->receive(body_piece, more);
      conversation->start(200, {}, std::nullopt);
      for (int i = 0; i < 5; ++i) {
        if (conversation->room_to_send() == Conversation::Room::kYes)
          conversation->send(std::string(10'000, 'x'), true);
      }
      conversation->end(Ending::kReturned);
      ++ended;
    });
  };
  std::atomic<bool> stop = false;
  std::thread thread([&] {
    while (!stop) {
      if (application.queued() != 0) application.run_one();
    }
  });
  std::vector<TestClient> clients;
  const std::string request = post(std::string(5000, 'b'));
  for (int i = 0; i < kRequests; ++i) {
    clients.push_back(server.connect());
    clients.back().send(i % 3 == 0 ? std::string_view(request).substr(0, 3000) : std::string_view(request));
    server.turn();
    if (i % 4 == 0) clients[static_cast<std::size_t>(i) / 2].close();
    for (TestClient& client : clients) {
      if (client.fd() >= 0) client.read();
    }
  }
  EXPECT_TRUE(server.until([&] { return ended == asked; }));
  stop = true;
  thread.join();
  while (application.queued() != 0) application.run_one();
}

}  // namespace
}  // namespace data_bridge::bridge
