// The keys that items may have, and how they stand in a path.
#include <gtest/gtest.h>

#include "crud/operation.hpp"
#include "crud/test_support.hpp"

namespace data_bridge::crud {
namespace {

using KeyTest = ResourceTest;

TEST_F(KeyTest, TextKeysAreGivenAndEncoded) {
  Client client(attached(spec_of("Word", field_of("word", kStr) + "," + field_of("n", kInt, "0")),
                         {.table = "words", .key = "word"}, kStr),
                "/words");
  const Response created = client.create(R"({"word":"a?b é%"})");
  EXPECT_EQ(header(created, "location"), "/words/a%3Fb%20%C3%A9%25");
  EXPECT_EQ(client.get("a?b \xC3\xA9%").body, R"({"word":"a?b é%","n":0})");
  EXPECT_EQ(client.create("{}").body,
            R"({"detail":[{"type":"missing","loc":["body","word"],"msg":"Field required","input":{}}]})");
}

TEST_F(KeyTest, AKeyThatNoPathCanNameIsRefused) {
  Client client(attached(spec_of("Word", field_of("word", kStr)), {.table = "words", .key = "word"}, kStr), "/words");
  for (const std::string& key : {std::string(), std::string("/"), std::string("a/b"), std::string("a/"),
                                 std::string("."), std::string(".."), std::string(2049, 'a')}) {
    const Response refused = client.create(R"({"word":")" + key + R"("})");
    EXPECT_EQ(refused.status, 422) << key;
    EXPECT_NE(refused.body.find(R"("type":"value_error","loc":["body","word"],"msg":"Value error, the key must not )"),
              std::string::npos)
        << refused.body;
  }
  for (const std::string& key : {std::string("..."), std::string("%2F"), std::string("a?b#c"), std::string(" "),
                                 std::string(2048, 'a'), std::string("\xE2\x98\x83")}) {
    EXPECT_EQ(client.create(R"({"word":")" + key + R"("})").status, 201) << key;
    EXPECT_EQ(client.get(key).status, 200) << key;
  }
}

TEST_F(KeyTest, IntegersAreAssignedWhateverClientsSay) {
  Client client(attached(product_spec()));
  for (const char* const key : {"9223372036854775807", "41", R"("x")", "null", "[1]"}) {
    EXPECT_EQ(client.create(R"({"id":)" + std::string(key) + R"(,"name":"a","price":1})").status, 201) << key;
  }
  EXPECT_EQ(header(client.create(R"({"name":"a","price":1})"), "location"), "/products/6");
  EXPECT_EQ(client.create(R"([{"id":9,"name":"a","price":1}])").body,
            R"([{"id":7,"name":"a","price":1.0,"tags":[],"note":"none"}])");
  // What is shown is what was sent.
  EXPECT_EQ(
      client.create(R"({"id":"x","price":1})").body,
      R"({"detail":[{"type":"missing","loc":["body","name"],"msg":"Field required","input":{"id":"x","price":1}}]})");
}

TEST_F(KeyTest, AModelWithoutTheKeyIgnoresItInABody) {
  Client client(attached(spec_of("Note", field_of("text", kStr), "forbid"), {.table = "notes"}), "/notes");
  EXPECT_EQ(client.create(R"({"text":"a","id":9})").body, R"({"id":1,"text":"a"})");
  EXPECT_EQ(client.replace("1", R"({"id":1,"text":"b"})").body, R"({"id":1,"text":"b"})");
  EXPECT_EQ(client.update("1", R"({"id":1,"text":"c"})").body, R"({"id":1,"text":"c"})");
  for (const Response& refused :
       {client.replace("1", R"({"id":2,"text":"d"})"), client.update("1", R"({"id":2,"text":"d"})")}) {
    EXPECT_NE(refused.body.find("the key of an item cannot be changed"), std::string::npos) << refused.body;
  }
  EXPECT_EQ(client.update("7", R"({"id":7,"text":"c"})").status, 404);
}

TEST_F(KeyTest, ATextKeyThatMayBeAbsentIsRequiredAllTheSame) {
  Client client(
      attached(spec_of("Word", field_of("word", kOptionalStr, "null")), {.table = "words", .key = "word"}, kStr));
  EXPECT_EQ(client.create("{}").body,
            R"({"detail":[{"type":"missing","loc":["body","word"],"msg":"Field required","input":{}}]})");
}

TEST_F(KeyTest, UuidKeysAreAssignedAndNormalised) {
  const std::string uuid = R"({"type":"uuid","words":"current"})";
  Client client(attached(
      spec_of("Event", field_of("id", R"({"type":"nullable","schema":{"type":"uuid","words":"current"}})", "null")),
      {.table = "events"}, uuid));
  const Response assigned = client.create("{}");
  ASSERT_EQ(assigned.status, 201);
  EXPECT_EQ(assigned.body[21], '7') << assigned.body;
  EXPECT_EQ(client.create(R"({"id":"{0198C1B0-0000-7000-8000-000000000001}"})").body,
            R"({"id":"0198c1b0-0000-7000-8000-000000000001"})");
  EXPECT_EQ(client.get("0198C1B0-0000-7000-8000-000000000001").status, 200);
  EXPECT_EQ(client.get("0198c1b0000070008000000000000001").status, 200);
  EXPECT_NE(client.get("nope").body.find(R"("type":"uuid_parsing","loc":["path","id"])"), std::string::npos);
}

}  // namespace
}  // namespace data_bridge::crud
