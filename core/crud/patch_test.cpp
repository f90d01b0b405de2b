// PATCH: what is changed, by which names, and what stays as it was stored.
#include <gtest/gtest.h>

#include <thread>

#include "crud/operation.hpp"
#include "crud/test_support.hpp"

namespace data_bridge::crud {
namespace {

using PatchTest = ResourceTest;

TEST_F(PatchTest, UpdatesByMergePatch) {
  Client client(attached(product_spec()));
  client.create(R"({"name":"a","price":1,"tags":["x","y"],"note":"n"})");
  EXPECT_EQ(client.update("1", R"({"tags":["z"],"price":2.5})").body,
            R"({"id":1,"name":"a","price":2.5,"tags":["z"],"note":"n"})");
  // null: None where the field can be None, else the member goes and a default comes back.
  EXPECT_EQ(client.update("1", R"({"note":null,"tags":null})").body,
            R"({"id":1,"name":"a","price":2.5,"tags":[],"note":null})");
  EXPECT_EQ(client.update("1", "{}").body, R"({"id":1,"name":"a","price":2.5,"tags":[],"note":null})");
  EXPECT_EQ(client.update("1", R"({"id":1})").status, 200);
  EXPECT_EQ(client.update("1", R"({"id":2})").status, 422);
  EXPECT_NE(client.update("1", R"({"name":null})").body.find(R"("type":"missing","loc":["body","name"])"),
            std::string::npos);
  EXPECT_EQ(client.update("1", R"({"price":-1})").status, 422);
  EXPECT_NE(client.update("1", "[]").body.find("model_attributes_type"), std::string::npos);
  EXPECT_EQ(client.update("9", R"({"price":2})").status, 404);
  EXPECT_EQ(client.get("1").body, R"({"id":1,"name":"a","price":2.5,"tags":[],"note":null})");
}

TEST_F(PatchTest, TakesPatchesOfTwoMediaTypes) {
  Client client(attached(product_spec()));
  client.create(R"({"name":"a","price":1})");
  for (const char* type : {"application/json", "APPLICATION/merge-patch+JSON ; charset=utf-8"}) {
    EXPECT_EQ(client.update("1", "{}", type).status, 200) << type;
  }
  for (const char* type : {"", "text/plain", "application/json-patch+json", "application/jsonx"}) {
    const Response response = client.update("1", "{}", type);
    EXPECT_EQ(response.status, 415) << type;
    EXPECT_EQ(header(response, "accept-patch"), "application/merge-patch+json, application/json");
  }
}

TEST_F(PatchTest, NoErrorShowsWhatIsNotSeen) {
  const std::string inner = R"({"type":"model","name":"Inner","extra":"ignore","fields":[)" + field_of("a", kInt) +
                            "," + field_of("b", kOptionalStr, "null") + "]}";
  Client client(
      attached(spec_of("Account", field_of("id", kOptionalInt, "null") + "," +
                                      field_of("name", R"({"type":"str","min_length":2})") + "," +
                                      field_of("note", kOptionalStr, "null") + "," + field_of("inner", inner, "null")),
               {.table = "accounts",
                .frozen = {{.field = "note", .sameness = "any"}, {.field = "inner", .sameness = "any"}},
                .answer = {{{.field = "name", .name = "called"}, {.field = "id", .name = "id"}}},
                .unseen = {"note", "inner"}}));
  EXPECT_EQ(client.create(R"({"name":"anna","note":"secret","inner":{"a":1,"b":"secret"}})").body,
            R"({"called":"anna","id":1})");
  const auto refused = [&](std::string_view patch) {
    const Response response = client.update("1", patch);
    EXPECT_EQ(response.status, 422) << patch;
    EXPECT_EQ(response.body.find("secret"), std::string::npos) << response.body;
    return response.body;
  };
  EXPECT_NE(refused(R"({"name":null})").find(R"("input":{"id":1})"), std::string::npos);
  EXPECT_NE(refused(R"({"inner":{"a":null}})").find(R"("input":{"a":null})"), std::string::npos);
  EXPECT_NE(refused(R"({"inner":{"a":"x"}})").find(R"("input":"x")"), std::string::npos);
  EXPECT_EQ(client.update("1", R"({"name":"eve"})").body, R"({"called":"eve","id":1})");
  EXPECT_EQ(client.list("fields=called").body, R"({"items":[{"called":"eve"}],"next":null})");
}

TEST_F(PatchTest, PatchesNestedObjectsInside) {
  const std::string address = R"({"type":"model","name":"Address","extra":"ignore","fields":[)" +
                              field_of("city", kStr) + "," + field_of("zip", kOptionalStr, "null") + "]}";
  Client client(attached(spec_of("Person", field_of("id", kOptionalInt, "null") + "," + field_of("address", address))));
  client.create(R"({"address":{"city":"Oslo","zip":"0150"}})");
  EXPECT_EQ(client.update("1", R"({"address":{"city":"Bergen"}})").body,
            R"({"id":1,"address":{"city":"Bergen","zip":"0150"}})");
  EXPECT_EQ(client.update("1", R"({"address":{"zip":null}})").body,
            R"({"id":1,"address":{"city":"Bergen","zip":null}})");
  EXPECT_EQ(client.update("1", R"({"address":{"city":null}})").status, 422);
}

// A model of the name Inner with the int fields "a" and "b", read by `keys` and written by alias.
std::string inner_spec(const std::string& a_keys, const std::string& extra = "ignore") {
  return R"({"type":"model","name":"Inner","extra":")" + extra + R"(","fields":[{"name":"a","keys":)" + a_keys +
         R"(,"output_key":"A","schema":{"type":"int"},"default":1},)" + field_of("b", kOptionalInt, "2") + "]}";
}

TEST_F(PatchTest, PatchesANestedMemberByEachOfItsNames) {
  int table = 0;
  for (const char* const keys_text : {R"(["A","a"])", R"(["a"])", R"(["A"])", R"(["x","A","a"])"}) {
    const std::string keys = keys_text;
    for (const char* const extra : {"ignore", "forbid", "allow"}) {
      Client client(
          attached(spec_of("Outer", field_of("id", kOptionalInt, "null") + "," +
                                        field_of("c", inner_spec(keys, extra)) + "," + field_of("n", kInt, "0")),
                   {.table = "outer" + std::to_string(table++)}));
      for (const char* const name_text : {"x", "A", "a"}) {
        const std::string name = name_text;
        if (keys.find('"' + name + '"') == std::string::npos) continue;
        const std::string where = keys + extra + name;
        const auto made = client.create(R"({"c":{")" + name + R"(":5,"b":6}})");
        ASSERT_EQ(made.status, 201) << where << made.body;
        const std::string location = header(made, "location");
        const std::string id = location.substr(location.rfind('/') + 1);
        const auto item = [&id](const std::string& inner, int n) {
          return R"({"id":)" + id + R"(,"c":)" + inner + R"(,"n":)" + std::to_string(n) + "}";
        };
        EXPECT_EQ(made.body, item(R"({"A":5,"b":6})", 0)) << where;
        EXPECT_EQ(client.update(id, R"({"n":1})").body, item(R"({"A":5,"b":6})", 1)) << where;
        EXPECT_EQ(client.update(id, R"({"c":{")" + name + R"(":50}})").body, item(R"({"A":50,"b":6})", 1)) << where;
        EXPECT_EQ(client.update(id, R"({"c":{"b":null}})").body, item(R"({"A":50,"b":null})", 1)) << where;
        EXPECT_EQ(client.update(id, R"({"c":{")" + name + R"(":null}})").body, item(R"({"A":1,"b":null})", 1)) << where;
        EXPECT_EQ(client.get(id).body, item(R"({"A":1,"b":null})", 1)) << where;
        EXPECT_NE(
            client.update(id, R"({"c":{")" + name + R"(":"x"}})").body.find(R"("loc":["body","c",")" + name + '"'),
            std::string::npos);
      }
    }
  }
}

TEST_F(PatchTest, AMemberThatIsNoFieldStaysOneBesideAPatch) {
  Client client(attached(spec_of(
      "Outer", field_of("id", kOptionalInt, "null") + "," + field_of("c", inner_spec(R"(["A","a"])", "allow")))));
  // Both names: the alias wins, the other is a member of its own, as Pydantic has it.
  EXPECT_EQ(client.create(R"({"c":{"A":1,"a":2,"z":3}})").body, R"({"id":1,"c":{"A":1,"b":2,"a":2,"z":3}})");
  EXPECT_EQ(client.update("1", R"({"c":{"b":7}})").body, R"({"id":1,"c":{"A":1,"b":7,"a":2,"z":3}})");
  EXPECT_EQ(client.update("1", R"({"c":{"A":4,"z":null,"y":{"q":1,"r":null}}})").body,
            R"({"id":1,"c":{"A":4,"b":7,"a":2,"y":{"q":1}}})");
  EXPECT_EQ(client.update("1", R"({"c":{"a":9}})").body, R"({"id":1,"c":{"A":9,"b":7,"y":{"q":1}}})");
}

TEST_F(PatchTest, TwoFieldsThatAreNamedCrosswise) {
  const auto field = [](const char* name, const char* alias) {
    return R"({"name":")" + std::string(name) + R"(","keys":[")" + alias + R"(",")" + name + R"("],"output_key":")" +
           alias + R"(","schema":{"type":"int"},"default":0})";
  };
  Client client(attached(
      spec_of("Crossed", field_of("id", kOptionalInt, "null") + "," + field("x", "y") + "," + field("y", "x"))));
  EXPECT_EQ(client.create(R"({"y":1,"x":2})").body, R"({"id":1,"y":1,"x":2})");
  EXPECT_EQ(client.update("1", R"({"x":3})").body, R"({"id":1,"y":1,"x":3})");
  EXPECT_EQ(client.update("1", R"({"y":4})").body, R"({"id":1,"y":4,"x":3})");
}

TEST_F(PatchTest, WhatWasStoredIsNotValidatedAgain) {
  const std::string upper = R"({"type":"str","pattern":"^[A-Z]+$","to_lower":true})";
  const std::string inner = R"({"type":"model","name":"Inner","extra":"ignore","fields":[)" +
                            field_of("x", R"({"type":"float","gt":0})") + "," + field_of("s", upper, R"("none")") +
                            "]}";
  Client client(attached(spec_of("Outer", field_of("id", kOptionalInt, "null") + "," + field_of("s", upper) + "," +
                                              field_of("c", inner) + "," + field_of("n", kInt, "0"))));
  EXPECT_EQ(client.create(R"({"s":"ABC","c":{"x":1e999,"s":"DEF"}})").body,
            R"({"id":1,"s":"abc","c":{"x":null,"s":"def"},"n":0})");
  EXPECT_EQ(client.update("1", R"({"n":1})").body, R"({"id":1,"s":"abc","c":{"x":null,"s":"def"},"n":1})");
  EXPECT_EQ(client.update("1", R"({"c":{"s":"GH"}})").body, R"({"id":1,"s":"abc","c":{"x":null,"s":"gh"},"n":1})");
  EXPECT_EQ(client.update("1", R"({"c":{"s":"gh"}})").status, 422);
}

TEST_F(PatchTest, ADefaultOfAnotherTypeIsKept) {
  Client client(attached(spec_of("Odd", field_of("id", kOptionalInt, "null") + "," + field_of("n", kInt, R"("many")") +
                                            "," + field_of("m", kInt, "null"))));
  EXPECT_EQ(client.create("{}").body, R"({"id":1,"n":"many","m":null})");
  EXPECT_EQ(client.create(R"({"n":5,"m":6})").body, R"({"id":2,"n":5,"m":6})");
  EXPECT_EQ(client.get("1").body, R"({"id":1,"n":"many","m":null})");
  EXPECT_EQ(client.get("2").body, R"({"id":2,"n":5,"m":6})");
  // What is stored stays as it is while another member changes, also where validation would not take it again.
  EXPECT_EQ(client.update("1", R"({"m":7})").body, R"({"id":1,"n":"many","m":7})");
  EXPECT_EQ(client.update("1", R"({"m":null})").body, R"({"id":1,"n":"many","m":null})");
  EXPECT_EQ(client.update("1", R"({"n":"few"})").status, 422);
}

TEST_F(PatchTest, ADefaultThatIsNoNumberOfJson) {
  Client client(attached(spec_of("Range", field_of("id", kOptionalInt, "null") + "," +
                                              field_of("low", R"({"type":"float","lt":0})", "-Infinity") + "," +
                                              field_of("none", kFloat, "NaN") + "," + field_of("zero", kFloat, "-0.0") +
                                              "," + field_of("n", kInt, "1"))));
  EXPECT_EQ(client.create("{}").body, R"({"id":1,"low":null,"none":null,"zero":-0.0,"n":1})");
  EXPECT_EQ(client.update("1", R"({"n":2})").body, R"({"id":1,"low":null,"none":null,"zero":-0.0,"n":2})");
  EXPECT_EQ(client.update("1", R"({"low":-3})").body, R"({"id":1,"low":-3.0,"none":null,"zero":-0.0,"n":2})");
  EXPECT_EQ(client.update("1", R"({"low":null})").body, R"({"id":1,"low":null,"none":null,"zero":-0.0,"n":2})");
}

TEST_F(PatchTest, PatchesFromManyThreadsLoseNothing) {
  const std::string fields = [] {
    std::string text = field_of("id", kOptionalInt, "null");
    for (int i = 0; i < 8; ++i) {
      text += "," + field_of("n" + std::to_string(i), kInt, "0");
    }
    return text;
  }();
  const auto resource = attached(spec_of("Counters", fields));
  ASSERT_EQ(Client(resource).create("{}").status, 201);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&resource, i] {
        Client client(resource);
        for (int n = 1; n <= 50; ++n) {
          ASSERT_EQ(client.update("1", R"({"n)" + std::to_string(i) + R"(":)" + std::to_string(n) + "}").status, 200);
        }
      });
    }
  }
  EXPECT_EQ(Client(resource).get("1").body,
            R"({"id":1,"n0":50,"n1":50,"n2":50,"n3":50,"n4":50,"n5":50,"n6":50,"n7":50})");
}

}  // namespace
}  // namespace data_bridge::crud
