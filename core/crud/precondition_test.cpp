// Tags of items, preconditions of writes, and PUT that creates.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "crud/test_support.hpp"

namespace data_bridge::crud {
namespace {

class PreconditionTest : public ResourceTest {
 protected:
  static Response ask(Client& client, OperationKind kind, std::string_view key, std::string_view body,
                      Preconditions preconditions) {
    return client.ask(kind, key, "", body, "application/json", preconditions);
  }
};

TEST_F(PreconditionTest, EveryAnswerWithAnItemHasItsTag) {
  Client client(attached(product_spec()));
  const std::string created = header(client.create(R"({"name":"a","price":3})"), "etag");
  EXPECT_EQ(created.size(), 24U);
  EXPECT_EQ(header(client.get("1"), "etag"), created);
  EXPECT_EQ(header(client.replace("1", R"({"name":"a","price":3})"), "etag"), created);  // the same item again
  const std::string changed = header(client.update("1", R"({"price":4})"), "etag");
  EXPECT_NE(changed, created);
  EXPECT_EQ(header(client.get("1"), "etag"), changed);
  EXPECT_EQ(header(client.update("1", R"({"price":3})"), "etag"), created);
}

TEST_F(PreconditionTest, WhatAClientHasIsNotSentAgain) {
  Client client(attached(product_spec()));
  const std::string tag = header(client.create(R"({"name":"a","price":3})"), "etag");
  for (const std::string& known : {tag, "W/" + tag, "\"x\", " + tag, std::string("*")}) {
    const Response response = ask(client, OperationKind::kGet, "1", "", {.if_none_match = known});
    EXPECT_EQ(response.status, 304) << known;
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(response.content_type, "");
    EXPECT_EQ(header(response, "etag"), tag);
  }
  EXPECT_EQ(ask(client, OperationKind::kGet, "1", "", {.if_none_match = "\"x\""}).status, 200);
  EXPECT_EQ(ask(client, OperationKind::kGet, "2", "", {.if_none_match = "*"}).status, 404);
}

TEST_F(PreconditionTest, AnItemThatHasChangedIsNotWritten) {
  Client client(attached(product_spec()));
  const std::string old = header(client.create(R"({"name":"a","price":3})"), "etag");
  const std::string now = header(client.update("1", R"({"price":4})"), "etag");
  constexpr std::string_view kItem = R"({"name":"b","price":5})";
  for (const std::string& wrong : {old, "W/" + now, std::string("\"\""), std::string("x")}) {
    for (const auto kind : {OperationKind::kReplace, OperationKind::kUpdate, OperationKind::kDelete}) {
      const Response response = ask(client, kind, "1", kItem, {.if_match = wrong});
      EXPECT_EQ(response.status, 412) << wrong;
      EXPECT_EQ(response.body, R"({"detail":"Precondition Failed"})");
      EXPECT_EQ(header(response, "etag"), now);
    }
  }
  EXPECT_EQ(ask(client, OperationKind::kReplace, "1", kItem, {.if_none_match = "*"}).status, 412);
  EXPECT_EQ(header(client.get("1"), "etag"), now);
  const Response replaced = ask(client, OperationKind::kReplace, "1", kItem, {.if_match = now});
  EXPECT_EQ(replaced.status, 200);
  EXPECT_EQ(ask(client, OperationKind::kUpdate, "1", "{}", {.if_match = header(replaced, "etag")}).status, 200);
  EXPECT_EQ(ask(client, OperationKind::kDelete, "1", "", {.if_match = "*"}).status, 204);
  for (const auto kind : {OperationKind::kReplace, OperationKind::kUpdate, OperationKind::kDelete}) {
    EXPECT_EQ(ask(client, kind, "1", kItem, {.if_match = now}).status, 404);
  }
}

TEST_F(PreconditionTest, AResourceMayWantThem) {
  Client client(attached(product_spec(), {.table = "products", .require_match = true}));
  const std::string tag = header(client.create(R"({"name":"a","price":3})"), "etag");
  EXPECT_EQ(client.replace("1", R"({"name":"b","price":5})").body, R"({"detail":"Precondition Required"})");
  EXPECT_EQ(client.update("1", "{}").status, 428);
  EXPECT_EQ(client.remove("1").status, 428);
  EXPECT_EQ(client.update("1", "").status, 422);
  EXPECT_EQ(header(client.get("1"), "etag"), tag);
  EXPECT_EQ(ask(client, OperationKind::kDelete, "1", "", {.if_match = tag}).status, 204);
}

TEST_F(PreconditionTest, PutCreatesWhereTheClientMayChooseTheKey) {
  const std::string code = R"({"type":"str","max_length":3})";
  const auto spec = spec_of("Word", field_of("code", code) + "," + field_of("text", kStr));
  Client client(attached(spec, {.table = "words", .key = "code"}, kStr), "/words/no");
  const Response created = client.replace("no", R"({"code":"no","text":"x"})");
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(header(created, "location"), "/words/no");
  EXPECT_EQ(header(created, "etag"), header(client.get("no"), "etag"));
  EXPECT_EQ(client.replace("no", R"({"code":"no","text":"y"})").status, 200);
  constexpr std::string_view kItem = R"({"code":"se","text":"x"})";
  EXPECT_EQ(ask(client, OperationKind::kReplace, "se", kItem, {.if_match = "*"}).status, 412);
  EXPECT_EQ(client.get("se").status, 404);
  EXPECT_EQ(ask(client, OperationKind::kReplace, "se", kItem, {.if_none_match = "*"}).status, 201);
  EXPECT_EQ(ask(client, OperationKind::kReplace, "se", kItem, {.if_none_match = "*"}).status, 412);
  EXPECT_EQ(client.replace("long", R"({"code":"long","text":"x"})").status, 422);

  auto closed = attached(spec, {.table = "words", .key = "code", .creates = false}, kStr);
  EXPECT_EQ(Client(closed).replace("dk", R"({"code":"dk","text":"x"})").status, 404);
  Client numbers(attached(product_spec()));
  EXPECT_EQ(numbers.replace("7", R"({"name":"a","price":3})").status, 404);
}

TEST_F(PreconditionTest, ManyClientsThatIncrementLoseNothing) {
  auto resource = attached(product_spec());
  Client(resource).create(R"({"name":"a","price":1})");
  constexpr int kClients = 64;
  constexpr int kEach = 5;
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kClients; ++i) {
    threads.emplace_back([&resource, &refused, i] {
      Client client(resource);
      for (int done = 0; done < kEach;) {
        const Response current = client.get("1");
        const std::size_t at = current.body.find(R"("price":)") + 8;
        const double price = std::stod(current.body.substr(at));
        const std::string tag = header(current, "etag");
        const std::string text = std::to_string(price + 1);
        const Response response =
            i % 2 == 0
                ? ask(client, OperationKind::kUpdate, "1", R"({"price":)" + text + "}", {.if_match = tag})
                : ask(client, OperationKind::kReplace, "1", R"({"name":"a","price":)" + text + "}", {.if_match = tag});
        ASSERT_TRUE(response.status == 200 || response.status == 412) << response.body;
        response.status == 200 ? static_cast<void>(++done) : static_cast<void>(++refused);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_NE(Client(resource).get("1").body.find(R"("price":321.0)"), std::string::npos);
  EXPECT_GT(refused.load(), 0);
}

TEST_F(PreconditionTest, AListIsCreatedAsAWholeOrNotAtAll) {
  Client client(attached(product_spec(), {.table = "products", .unique = {{"name"}}}));
  EXPECT_EQ(client.create("[]").body, "[]");
  const Response created = client.create(R"([{"name":"a","price":1},{"name":"b","price":2}])");
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.body, R"([{"id":1,"name":"a","price":1.0,"tags":[],"note":"none"},)"
                          R"({"id":2,"name":"b","price":2.0,"tags":[],"note":"none"}])");
  EXPECT_EQ(client.create(R"([{"name":"c","price":1},{"name":"a","price":2}])").body,
            R"({"detail":"An item with this name already exists"})");
  EXPECT_EQ(client.create(R"([{"name":"c","price":1},{"name":"c","price":2}])").status, 409);
  const Response refused = client.create(R"([{"name":"c","price":1},{"name":"","price":2},5])");
  EXPECT_EQ(refused.status, 422);
  EXPECT_NE(refused.body.find(R"("loc":["body",1,"name"])"), std::string::npos);
  EXPECT_NE(refused.body.find(R"("loc":["body",2])"), std::string::npos);
  EXPECT_NE(client.list().body.find(R"("next":null)"), std::string::npos);
  EXPECT_EQ(client.get("3").status, 404);
}

}  // namespace
}  // namespace data_bridge::crud
