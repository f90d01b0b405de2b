#include "http/exchange_ref.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "http/server_testing.hpp"

namespace data_bridge::http {
namespace {

TEST(ExchangeRef, AnswersFromAnotherThread) {
  TestServer server;
  std::vector<ExchangeRef> waiting;
  server.handler.answer = [&](Exchange& exchange) { waiting.push_back(exchange.ref()); };
  TestClient client = server.connect();
  server.ask(client, get("/"));
  ASSERT_EQ(waiting.size(), 1U);
  std::thread([&] {
    EXPECT_TRUE(waiting.front().post([](Exchange& exchange) { exchange.respond(200, "text/plain", "late"); }));
  }).join();
  server.settle();
  EXPECT_EQ(client.read(), ok("late"));
  EXPECT_EQ(waiting.front().find(), nullptr);
}

TEST(ExchangeRef, IsNotTakenForTheNextExchangeOfItsConnection) {
  TestServer server;
  std::optional<ExchangeRef> first;
  server.handler.answer = [&](Exchange& exchange) {
    if (!first) {
      first = exchange.ref();
      exchange.respond(200, "text/plain", "one");
    }
  };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/")), ok("one"));
  server.ask(client, get("/"));
  EXPECT_TRUE(first->post([](Exchange& exchange) { exchange.respond(200, "text/plain", "of the first"); }));
  server.settle();
  EXPECT_EQ(client.read(), "");
}

TEST(ExchangeRef, OutlivesItsConnections) {
  std::optional<ExchangeRef> ref;
  std::shared_ptr<ConnectionsMailbox> mailbox;
  {
    TestServer server;
    server.handler.answer = [&](Exchange& exchange) { ref = exchange.ref(); };
    TestClient client = server.connect();
    server.ask(client, get("/"));
    mailbox = server.connections.mailbox();
    EXPECT_NE(ref->find(), nullptr);
  }
  EXPECT_EQ(ref->find(), nullptr);
  EXPECT_FALSE(ref->post([](Exchange&) { ADD_FAILURE() << "of connections that are gone"; }));
  ref->close_connection();
  EXPECT_FALSE(mailbox->post([](Connections&) { ADD_FAILURE() << "of connections that are gone"; }));
}

TEST(ExchangeRef, ActionsThatComeTooLateAreDropped) {
  runtime::Reactor reactor;
  bool ran = false;
  {
    TestHandler handler;
    Connections connections(reactor, handler);
    EXPECT_TRUE(connections.mailbox()->post([&](Connections&) { ran = true; }));
  }
  reactor.wait(std::chrono::nanoseconds(0));
  reactor.dispatch();
  EXPECT_FALSE(ran);
}

TEST(ExchangeRef, ClosesItsConnectionBehindTheAnswer) {
  TestServer server;
  std::optional<ExchangeRef> ref;
  server.handler.answer = [&](Exchange& exchange) {
    ref = exchange.ref();
    exchange.respond(200, "text/plain", "last");
  };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/")), ok("last"));
  ref->close_connection();
  server.settle();
  client.read();
  EXPECT_TRUE(client.ended());
  // The slot has another connection now, which the name does not mean.
  TestClient other = server.connect();
  server.settle();
  ref->close_connection();
  server.settle();
  EXPECT_EQ(server.ask(other, get("/")), ok("last"));
}

TEST(ExchangeRef, LeavesAConnectionToWhatHasBegunOnItSince) {
  TestServer server;
  std::vector<ExchangeRef> begun;
  server.handler.answer = [&](Exchange& exchange) {
    begun.push_back(exchange.ref());
    if (begun.size() != 2) exchange.respond(200, "text/plain", "at once");
  };
  TestClient client = server.connect();
  EXPECT_EQ(server.ask(client, get("/")), ok("at once"));
  EXPECT_EQ(server.ask(client, get("/") + get("/")), "");
  begun.front().close_connection();
  server.settle();
  ASSERT_EQ(begun.size(), 2U);
  EXPECT_TRUE(begun.back().post([](Exchange& exchange) { exchange.respond(200, "text/plain", "done"); }));
  server.settle();
  EXPECT_EQ(client.read(), ok("done") + ok("at once"));
  begun.front().close_connection();
  server.settle();
  EXPECT_EQ(server.ask(client, get("/")), ok("at once"));
  EXPECT_FALSE(client.ended());
}

TEST(ExchangeListener, HearsOfAnAnswerThatTheExchangeGaveItself) {
  TestServer server;
  TestListener listener;
  server.handler.answer = [&](Exchange& exchange) {
    exchange.set_listener(&listener);
    const Header bad{"bad name", "x"};
    exchange.start(200, {&bad, 1});
  };
  TestClient client = server.connect();
  EXPECT_TRUE(server.ask(client, get("/")).starts_with("HTTP/1.1 500 "));
  EXPECT_EQ(listener.answers, 1);
  EXPECT_EQ(listener.disconnects, 0);
}

TEST(ExchangeListener, HearsOfAnAbort) {
  TestServer server;
  TestListener listener;
  server.handler.answer = [&](Exchange& exchange) {
    exchange.set_listener(&listener);
    exchange.start(200, {});
    exchange.write("begun");
    exchange.abort();
  };
  TestClient client = server.connect();
  server.ask(client, get("/"));
  EXPECT_EQ(listener.disconnects, 1);
}

}  // namespace
}  // namespace data_bridge::http
