// Requests with an Idempotency-Key: done once, answered the same.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "crud/keyed_write.hpp"
#include "crud/test_support.hpp"

namespace data_bridge::crud {
namespace {

constexpr std::string_view kItem = R"({"name":"a","price":1})";

class IdempotencyTest : public ResourceTest {
 protected:
  Response create(const std::shared_ptr<Resource>& resource, std::vector<std::string> keys,
                  std::string_view body = kItem, std::shared_ptr<const Scope> scope = nullptr) {
    return perform(*make_operation(OperationKind::kCreate, resource), request(keys, body, std::move(scope)));
  }

  static Request request(const std::vector<std::string>& keys, std::string_view body = kItem,
                         std::shared_ptr<const Scope> scope = nullptr) {
    Request asked{.path = "/products", .content_type = "application/json", .body = body};
    asked.idempotency_keys = keys;
    asked.scope = std::move(scope);
    return asked;
  }

  // Runs `sql` beside the store; the number in its first row.
  std::int64_t sql(const std::string& text) {
    sqlite3* handle = nullptr;
    EXPECT_EQ(sqlite3_open((store_.directory() / "test.db").c_str(), &handle), SQLITE_OK);
    sqlite3_busy_timeout(handle, 5000);
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(handle, text.c_str(), -1, &statement, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
    const std::int64_t number = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return number;
  }
  std::int64_t count(const std::string& table) { return sql("SELECT count(*) FROM " + table); }
};

void expect_same(const Response& left, const Response& right) {
  EXPECT_EQ(left.status, right.status);
  EXPECT_EQ(left.content_type, right.content_type);
  EXPECT_EQ(left.body, right.body);
  ASSERT_EQ(left.headers.size(), right.headers.size());
  for (std::size_t at = 0; at < left.headers.size(); ++at) {
    EXPECT_EQ(left.headers[at].name, right.headers[at].name);
    EXPECT_EQ(left.headers[at].value, right.headers[at].value);
  }
}

TEST_F(IdempotencyTest, ARepeatIsAnsweredAndNotDone) {
  const auto resource = attached(product_spec());
  for (const std::string& body : {std::string(kItem), "[" + std::string(kItem) + "]", std::string("[]")}) {
    const std::int64_t before = count("products");
    const Response first = create(resource, {"k" + body}, body);
    EXPECT_EQ(first.status, 201);
    const std::int64_t behind = count("products");
    EXPECT_EQ(behind - before, body == "[]" ? 0 : 1);
    expect_same(create(resource, {"k" + body}, body), first);
    expect_same(create(resource, {"\"k" + body + "\""}, body), first);
    EXPECT_EQ(count("products"), behind);
  }
  EXPECT_EQ(create(resource, {}).status, 201);
  EXPECT_EQ(count("products"), 3);
  EXPECT_EQ(count("data_bridge_idempotency"), 3);
}

TEST_F(IdempotencyTest, AnotherBodyIsRefused) {
  const auto resource = attached(product_spec());
  EXPECT_EQ(create(resource, {"k"}).status, 201);
  const Response other = create(resource, {"k"}, R"({"name":"b","price":1})");
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(other.body,
            R"({"detail":[{"type":"value_error","loc":["header","Idempotency-Key"],"msg":"Value error, another )"
            R"(request has had this key","input":"k","ctx":{"error":{}}}]})");
  EXPECT_EQ(count("products"), 1);
}

TEST_F(IdempotencyTest, WhatIsNoKeyIsRefused) {
  const auto resource = attached(product_spec());
  const auto error_of = [&](std::vector<std::string> keys) {
    const Response response = create(resource, std::move(keys));
    EXPECT_EQ(response.status, 422);
    EXPECT_TRUE(response.body.find(R"("loc":["header","Idempotency-Key"])") != std::string::npos) << response.body;
    return response.body.substr(0, response.body.find(','));
  };
  EXPECT_EQ(error_of({""}), R"({"detail":[{"type":"string_too_short")");
  EXPECT_EQ(error_of({"\"\""}), R"({"detail":[{"type":"string_too_short")");
  EXPECT_EQ(error_of({std::string(256, 'x')}), R"({"detail":[{"type":"string_too_long")");
  EXPECT_EQ(error_of({"a", "a"}), R"({"detail":[{"type":"value_error")");
  EXPECT_EQ(count("products"), 0);
  std::string longest;
  for (int letter = 0; letter < 255; ++letter) longest += "\u00e4";
  EXPECT_EQ(create(resource, {longest}).status, 201);
  // Beside what else is wrong, between the query and the body.
  const Response both = create(resource, {""}, R"({"price":1})");
  EXPECT_LT(both.body.find("string_too_short"), both.body.find(R"(["body","name"])"));
}

TEST_F(IdempotencyTest, WhatTheItemsDecideIsRemembered) {
  const auto resource = attached(product_spec(), {.table = "products", .unique = {{"name"}}});
  EXPECT_EQ(create(resource, {}).status, 201);
  const std::string list = R"([{"name":"b","price":1},{"name":"a","price":1}])";
  const Response refused = create(resource, {"k"}, list);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(count("products"), 1);
  EXPECT_EQ(sql("DELETE FROM products RETURNING 1"), 1);
  expect_same(create(resource, {"k"}, list), refused);
  EXPECT_EQ(create(resource, {"other"}, list).status, 201);
}

TEST_F(IdempotencyTest, WhatIsNotDoneIsNotRemembered) {
  const auto resource = attached(product_spec());
  EXPECT_EQ(create(resource, {"k"}, "{}").status, 422);
  EXPECT_EQ(create(resource, {"k"}).status, 201);
  const std::string large = R"({"name":")" + std::string(kMaxIdempotencyKey * 5000, 'x') + R"(","price":1})";
  EXPECT_EQ(create(resource, {"large"}, large).status, 413);
  EXPECT_EQ(count("products"), 1);
  EXPECT_EQ(count("data_bridge_idempotency"), 1);
  EXPECT_EQ(create(resource, {"large"}).status, 201);
}

TEST_F(IdempotencyTest, AfterADayAKeyIsNewAgain) {
  const auto resource = attached(product_spec());
  for (int key = 0; key < 9; ++key) EXPECT_EQ(create(resource, {std::to_string(key)}).status, 201);
  // Whole seconds are kept: an hour on either side of the day, so that a slow machine crosses nothing.
  sql("UPDATE data_bridge_idempotency SET created = created - 23 * 3600");
  EXPECT_EQ(header(create(resource, {"0"}), "location"), "/products/1");
  sql("UPDATE data_bridge_idempotency SET created = created - 2 * 3600");
  EXPECT_EQ(header(create(resource, {"0"}, R"({"name":"new","price":1})"), "location"), "/products/10");
  EXPECT_EQ(header(create(resource, {"0"}, R"({"name":"new","price":1})"), "location"), "/products/10");
  // The old ones go in passing.
  EXPECT_EQ(count("data_bridge_idempotency"), 7);
  for (int key = 20; key < 24; ++key) create(resource, {std::to_string(key)});
  EXPECT_EQ(count("data_bridge_idempotency"), 5);
}

TEST_F(IdempotencyTest, AKeyIsOfAResourceAndItsScope) {
  const std::vector<Filter> filters = product_filters();
  const auto resource = attached(product_spec(), {.table = "products"}, kInt, filters);
  const auto others = attached(product_spec(), {.table = "others"}, kInt, filters);
  const auto scope = [&](std::string_view text) {
    const auto read = read_scope(*resource, text);
    EXPECT_TRUE(read.has_value());
    return *read;
  };
  const Response first = create(resource, {"k"});
  EXPECT_EQ(create(others, {"k"}).status, 201);
  EXPECT_EQ(count("others"), 1);
  const Response in_scope = create(resource, {"k"}, kItem, scope(R"({"name__in":["a","b"],"price":1})"));
  EXPECT_NE(in_scope.body, first.body);
  // The same scope, written otherwise.
  expect_same(create(resource, {"k"}, kItem, scope(R"({"price":1,"name__in":["b","a"]})")), in_scope);
  EXPECT_EQ(count("products"), 2);
  for (const std::string_view text :
       {R"({"name__in":["a","c"],"price":1})", R"({"name__in":["a","b"]})", R"({"name__nin":["c","b"],"price":1})",
        R"({"or":[{"name__in":["a","b"]},{"price":1}]})", R"({"not":{"name":"b"}})"}) {
    EXPECT_EQ(create(resource, {"k"}, kItem, scope(text)).status, 201);
  }
  EXPECT_EQ(count("products"), 7);
  // Outside: the 403 is an answer, and of this key from then on.
  const auto outside = scope(R"({"name":"z"})");
  const Response forbidden = create(resource, {"k"}, kItem, outside);
  EXPECT_EQ(forbidden.status, 403);
  expect_same(create(resource, {"k"}, kItem, outside), forbidden);
  EXPECT_EQ(count("products"), 7);
}

TEST_F(IdempotencyTest, OneInProgressIsAConflict) {
  const auto resource = attached(product_spec());
  const auto operation = make_operation(OperationKind::kCreate, resource);
  const std::vector<std::string> keys{"k"};
  auto begun = begin_keyed(*operation, request(keys));
  ASSERT_TRUE(begun.has_value());
  for (int again = 0; again < 2; ++again) {
    const Response busy = create(resource, {"k"});
    EXPECT_EQ(busy.status, 409);
    EXPECT_EQ(header(busy, "retry-after"), "1");
    EXPECT_EQ(begin_keyed(*operation, request(keys)).error().status, 409);
  }
  (*begun)->end();
  (*begun)->end();
  const Response first = create(resource, {"k"});
  EXPECT_EQ(first.status, 201);
  expect_same(begin_keyed(*operation, request(keys)).error(), first);
  begun->reset();
  // What is refused and what nobody waits for lets go as well.
  EXPECT_EQ(create(resource, {"other"}).status, 201);
}

TEST_F(IdempotencyTest, OfManyAtOnceOneIsDone) {
  const auto resource = attached(product_spec());
  for (int round = 0; round < 20; ++round) {
    const std::string key = std::to_string(round);
    std::vector<Response> answers(8);
    {
      std::vector<std::jthread> clients;
      for (Response& answer : answers) {
        clients.emplace_back([&] { answer = create(resource, {key}); });
      }
    }
    const std::string place = "/products/" + std::to_string(round + 1);
    for (const Response& answer : answers) {
      EXPECT_TRUE(answer.status == 409 || header(answer, "location") == place) << answer.status << answer.body;
    }
    EXPECT_EQ(header(create(resource, {key}), "location"), place);
  }
  EXPECT_EQ(count("products"), 20);
}

TEST_F(IdempotencyTest, AnotherProcessMayHaveBeenFaster) {
  const auto resource = attached(product_spec());
  const auto other_process = make_resource(product_spec(), {.table = "products"});
  ASSERT_TRUE(other_process->attach(store_.store()));  // knows nothing of what the other one has in progress
  const auto operation = make_operation(OperationKind::kCreate, resource);
  const std::vector<std::string> keys{"k"};
  Response unused;
  auto write = operation->prepare(request(keys), unused);
  ASSERT_NE(write, nullptr);
  const Response first = create(other_process, {"k"});
  EXPECT_EQ(first.status, 201);
  Response second;
  std::promise<void> done;
  write->set_done([&](Response&& response) {
    second = std::move(response);
    done.set_value();
  });
  operation->submit(std::move(write));
  done.get_future().wait();
  expect_same(second, first);
  EXPECT_TRUE(second.is_repeat);
  EXPECT_EQ(count("products"), 1);
}

}  // namespace
}  // namespace data_bridge::crud
