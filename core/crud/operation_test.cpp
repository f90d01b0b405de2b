// The behaviour of each operation, by the door that waits.
#include "crud/operation.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "crud/test_support.hpp"

namespace data_bridge::crud {
namespace {

using OperationTest = ResourceTest;

TEST_F(OperationTest, CreatesAndGets) {
  Client client(attached(product_spec()));
  const Response created = client.create(R"({"name":"a","price":"1e2","tags":["x"],"unknown":1})");
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.body, R"({"id":1,"name":"a","price":100.0,"tags":["x"],"note":"none"})");
  EXPECT_EQ(header(created, "location"), "/products/1");
  const Response got = client.get("1");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, created.body);
  EXPECT_EQ(client.get("2").status, 404);
  EXPECT_EQ(client.get("2").body, R"({"detail":"Not Found"})");
}

TEST_F(OperationTest, ItemsOfEverySizeComeBackAsTheyWere) {
  Client client(attached(product_spec()));
  int key = 0;
  for (const std::size_t size : {1U, 4090U, 4096U, 4097U, 100'000U}) {
    for (const std::string_view piece : {"b", R"(\")", R"(\u0001)"}) {
      std::string text;
      while (text.size() < size) text += piece;
      // Its tags make an item long as well: they are text of which nothing is escaped again.
      for (const auto& [name, tag] : {std::pair<std::string, std::string>(text, "x"), {"x", text}}) {
        const std::string rest = R"("name":")" + name + R"(","price":1.5,"tags":[")" + tag + R"("],"note":null})";
        const Response created = client.create("{" + rest);
        ASSERT_EQ(created.status, 201) << created.body.substr(0, 200);
        const std::string id = std::to_string(++key);
        EXPECT_TRUE(client.get(id).body == R"({"id":)" + id + "," + rest) << size << " " << piece;
      }
    }
  }
}

TEST_F(OperationTest, AKeyThatIsThereIsAConflict) {
  Client client(attached(spec_of("Word", field_of("id", kStr)), {.table = "words"}, kStr));
  EXPECT_EQ(client.create(R"({"id":"a"})").status, 201);
  const Response again = client.create(R"({"id":"a"})");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.body, R"({"detail":"An item with this id already exists"})");
}

TEST_F(OperationTest, ListsInPages) {
  Client client(attached(product_spec()));
  EXPECT_EQ(client.list().body, R"({"items":[],"next":null})");
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(client.create(R"({"name":"a","price":1})").status, 201);
  }
  std::string query;
  std::string ids;
  int pages = 0;
  for (;; ++pages) {
    const Response page = client.list(query);
    ASSERT_EQ(page.status, 200);
    for (std::size_t at = page.body.find("\"id\":"); at != std::string::npos; at = page.body.find("\"id\":", at + 1)) {
      ids += page.body[at + 5];
    }
    const std::string link = header(page, "link");
    if (link.empty()) {
      EXPECT_TRUE(page.body.ends_with(R"("next":null})"));
      break;
    }
    ASSERT_TRUE(link.starts_with("</products?cursor=") && link.ends_with(">; rel=\"next\"")) << link;
    query = link.substr(11, link.size() - 11 - 13);
    EXPECT_TRUE(page.body.ends_with(R"("next":")" + query.substr(7) + "\"}"));
  }
  EXPECT_EQ(ids, "12345");
  EXPECT_EQ(pages, 2);
  EXPECT_EQ(header(client.list("limit=5"), "link"), "");
  EXPECT_TRUE(header(client.list("%6Cimit=4"), "link").starts_with("</products?%6Cimit=4&cursor="));
}

TEST_F(OperationTest, APageEndsWithTheItemThatFillsItsBudget) {
  Client client(attached(product_spec(), {.table = "products", .max_page_bytes = 1000}));
  const auto create = [&](std::size_t size) {
    ASSERT_EQ(client.create(R"({"name":")" + std::string(size, 'x') + R"(","price":1})").status, 201);
  };
  for (const std::size_t size : {400U, 400U, 400U, 5000U, 1U, 1U}) {
    create(size);
  }
  std::vector<std::string> pages;
  std::string query = "limit=5";
  for (;;) {
    const std::string body = client.list(query).body;
    std::string& ids = pages.emplace_back();
    for (std::size_t at = body.find(R"({"id":)"); at != std::string::npos; at = body.find(R"({"id":)", at + 1)) {
      ids += body[at + 6];
    }
    const std::size_t next = body.find(R"("next":")");
    if (next == std::string::npos) break;
    query = "limit=5&cursor=" + body.substr(next + 8, body.size() - next - 10);
  }
  EXPECT_EQ(pages, (std::vector<std::string>{"123", "4", "56"}));
}

TEST_F(OperationTest, RefusesBadPages) {
  Client client(attached(product_spec()));
  const auto expect = [&](std::string_view query, const std::string& detail) {
    const Response response = client.list(query);
    EXPECT_EQ(response.status, 422);
    EXPECT_EQ(response.body, R"({"detail":[)" + detail + "]}") << query;
  };
  expect(
      "limit=-1",
      R"({"type":"greater_than_equal","loc":["query","limit"],"msg":"Input should be greater than or equal to 0","input":"-1","ctx":{"ge":0}})");
  expect(
      "limit=6",
      R"({"type":"less_than_equal","loc":["query","limit"],"msg":"Input should be less than or equal to 5","input":"6","ctx":{"le":5}})");
  expect(
      "limit=",
      R"({"type":"int_parsing","loc":["query","limit"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":""})");
  expect(
      "limit=1&limit=x",
      R"({"type":"int_parsing","loc":["query","limit"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"x"})");
  expect(
      "srt=name",
      R"({"type":"extra_forbidden","loc":["query","srt"],"msg":"Extra inputs are not permitted; the nearest name is 'sort'","input":"name"})");
  expect(
      "cursor=zz",
      R"({"type":"value_error","loc":["query","cursor"],"msg":"Value error, the cursor is damaged or belongs to another query","input":"zz","ctx":{"error":{}}})");
  EXPECT_EQ(client.list("limit=%205").status, 200);  // as Pydantic reads a number
}

TEST_F(OperationTest, RefusesParametersThatNobodyReads) {
  Client client(attached(product_spec(), {.table = "products", .foreign_parameters = {"token"}}));
  EXPECT_EQ(client.list("token=x&limit=1").status, 200);
  EXPECT_EQ(client.ask(OperationKind::kGet, "1", "token=x", "").status, 404);
  EXPECT_EQ(client.ask(OperationKind::kGet, "1", "token=x&y", "").status, 422);
  EXPECT_EQ(client.ask(OperationKind::kCreate, "", "y=1", R"({"name":"a","price":1})").status, 422);
  EXPECT_EQ(client.list().body, R"({"items":[],"next":null})");
}

TEST_F(OperationTest, RefusesBadKeys) {
  Client client(attached(product_spec()));
  constexpr std::string_view kItem = R"({"name":"Kettle","price":1})";
  const std::string detail =
      R"({"detail":[{"type":"int_parsing","loc":["path","id"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"x"}]})";
  for (const Response& response :
       {client.get("x"), client.replace("x", kItem), client.update("x", "{}"), client.remove("x")}) {
    EXPECT_EQ(response.status, 422);
    EXPECT_EQ(response.body, detail);
  }
  EXPECT_EQ(client.get("9223372036854775808").status, 404);
  EXPECT_EQ(client.get("9223372036854775807").status, 404);
  EXPECT_EQ(client.get("-1").status, 404);
}

TEST_F(OperationTest, NamesAllErrorsOfARequestAtOnce) {
  Client client(attached(product_spec()));
  const std::string key =
      R"({"detail":[{"type":"int_parsing","loc":["path","id"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"x"},)";
  const std::string missing = R"({"type":"missing","loc":["body"],"msg":"Field required","input":null}]})";
  EXPECT_EQ(client.replace("x", "").body, key + missing);
  EXPECT_EQ(client.update("x", "").body, key + missing);
  // A body that is no JSON is found before anything else is looked at.
  EXPECT_TRUE(client.replace("x", "{").body.starts_with(R"({"detail":[{"type":"json_invalid")"));
}

const std::string kBadKey =
    R"({"type":"int_parsing","loc":["path","id"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"x"})";
const std::string kBadParameters =
    R"({"type":"extra_forbidden","loc":["query","a"],"msg":"Extra inputs are not permitted","input":["1","3"]},)"
    R"({"type":"extra_forbidden","loc":["query","b"],"msg":"Extra inputs are not permitted","input":""})";
const std::string kBadName =
    R"({"type":"string_too_short","loc":["body","name"],"msg":"String should have at least 1 character","input":"","ctx":{"min_length":1}})";
const std::string kBadPrice =
    R"({"type":"greater_than","loc":["body","price"],"msg":"Input should be greater than 0","input":0,"ctx":{"gt":0.0}})";

std::string details(std::initializer_list<std::string> errors) {
  std::string body;
  for (const std::string& error : errors) {
    body += (body.empty() ? R"({"detail":[)" : ",") + error;
  }
  return body + "]}";
}

TEST_F(OperationTest, CollectsTheErrorsOfPathQueryAndBody) {
  Client client(attached(product_spec()));
  const std::string_view query = "a=1&b&a=3";
  const std::string body = R"({"name":"","price":0})";
  using enum OperationKind;
  EXPECT_EQ(client.ask(kGet, "x", query, "").body, details({kBadKey, kBadParameters}));
  EXPECT_EQ(client.ask(kDelete, "x", query, "").body, details({kBadKey, kBadParameters}));
  EXPECT_EQ(client.ask(kReplace, "x", query, body).body, details({kBadKey, kBadParameters, kBadName, kBadPrice}));
  EXPECT_EQ(client.ask(kUpdate, "x", query, body).body, details({kBadKey, kBadParameters, kBadName, kBadPrice}));
  EXPECT_EQ(client.ask(kReplace, "x", "", body).body, details({kBadKey, kBadName, kBadPrice}));
  EXPECT_EQ(client.ask(kReplace, "1", query, body).body, details({kBadParameters, kBadName, kBadPrice}));
  EXPECT_EQ(client.ask(kCreate, "", query, body).body, details({kBadParameters, kBadName, kBadPrice}));
  const std::string missing = R"({"type":"missing","loc":["body"],"msg":"Field required","input":null})";
  for (const OperationKind kind : {kReplace, kUpdate}) {
    EXPECT_EQ(client.ask(kind, "x", query, "").body, details({kBadKey, kBadParameters, missing}));
    EXPECT_EQ(
        client.ask(kind, "x", "", "[]").body,
        details(
            {kBadKey,
             R"({"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":[]})"}));
  }
}

TEST_F(OperationTest, ABodyThatCannotBeReadIsAnsweredAlone) {
  Client client(attached(product_spec()));
  using enum OperationKind;
  for (const OperationKind kind : {kCreate, kReplace, kUpdate}) {
    EXPECT_EQ(
        client.ask(kind, "x", "a=1", "{").body,
        R"({"detail":[{"type":"json_invalid","loc":["body",1],"msg":"JSON decode error","input":{},"ctx":{"error":"Expecting property name enclosed in double quotes"}}]})");
    const Response unreadable = client.ask(kind, "x", "a=1", "{\"name\":\"\xFF\"}");
    EXPECT_EQ(unreadable.status, 400);
    EXPECT_EQ(unreadable.body, R"({"detail":"There was an error parsing the body"})");
  }
}

TEST_F(OperationTest, AMediaTypeIsRefusedBeforeParametersAndAfterSyntax) {
  Client client(attached(product_spec()));
  const auto ask = [&](std::string_view body, std::string_view type) {
    return client.ask(OperationKind::kUpdate, "x", "a=1", body, type).status;
  };
  EXPECT_EQ(ask("[]", "application/json-patch+json"), 415);
  EXPECT_EQ(ask("{", "application/json-patch+json"), 422);
  EXPECT_EQ(ask("{", "text/plain"), 415);
  EXPECT_EQ(ask("", ""), 415);
}

TEST_F(OperationTest, APatchIsCheckedAsFarAsItCanBeWithoutItsItem) {
  const std::string address =
      R"({"type":"model","name":"Address","extra":"ignore","fields":[)" + field_of("city", kStr) + "]}";
  Client client(attached(spec_of("Person",
                                 field_of("id", kOptionalInt, "null") + "," + field_of("address", address) + "," +
                                     field_of("n", kInt) + "," + field_of("note", kOptionalStr, "null"),
                                 "forbid")));
  const std::string bad_number =
      R"({"type":"int_parsing","loc":["body","n"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"y"})";
  const std::string bad_member =
      R"({"type":"extra_forbidden","loc":["body","z"],"msg":"Extra inputs are not permitted","input":{"q":null}})";
  // What is merged or reset is not known to be wrong.
  const std::string patch = R"({"address":{},"note":null,"n":"y","z":{"q":null},"y":null})";
  EXPECT_EQ(client.update("x", patch).body, details({kBadKey, bad_number, bad_member}));
  EXPECT_EQ(client.update("7", patch).body, details({bad_number, bad_member}));                    // no such item
  EXPECT_EQ(client.update("9223372036854775808", patch).body, details({bad_number, bad_member}));  // nor can one be
  EXPECT_EQ(client.update("x", R"({"address":{},"n":null})").body, details({kBadKey}));
  EXPECT_EQ(client.update("7", R"({"address":{},"n":null})").status, 404);
  EXPECT_EQ(client.update("9223372036854775808", R"({"n":2})").status, 404);
}

TEST_F(OperationTest, CollectsTheErrorsOfAPage) {
  Client client(attached(product_spec(), {.table = "products", .foreign_parameters = {"token", "limit"}}));
  const std::string limit =
      R"({"type":"less_than_equal","loc":["query","limit"],"msg":"Input should be less than or equal to 5","input":"6","ctx":{"le":5}})";
  EXPECT_EQ(
      client.list("token=x&cursor=y&limit=0&cursor=zz&limit=6").body,
      details(
          {limit,
           R"({"type":"value_error","loc":["query","cursor"],"msg":"Value error, the cursor is damaged or belongs to another query","input":"zz","ctx":{"error":{}}})"}));
  // To which query a cursor belongs is not known while that is wrong.
  EXPECT_EQ(
      client.list("cursor=zz&_=1&limt=1&limit=6").body,
      details(
          {limit,
           R"({"type":"extra_forbidden","loc":["query","limt"],"msg":"Extra inputs are not permitted; the nearest name is 'limit'","input":"1"})"}));
}

TEST_F(OperationTest, RefusesBodiesAsFastApiDoes) {
  Client client(attached(product_spec()));
  EXPECT_EQ(client.create("").body,
            R"({"detail":[{"type":"missing","loc":["body"],"msg":"Field required","input":null}]})");
  EXPECT_EQ(
      client.create(R"({"name":"","price":0})").body,
      R"({"detail":[{"type":"string_too_short","loc":["body","name"],"msg":"String should have at least 1 character","input":"","ctx":{"min_length":1}},)"
      R"({"type":"greater_than","loc":["body","price"],"msg":"Input should be greater than 0","input":0,"ctx":{"gt":0.0}}]})");
  const Response text = client.ask(OperationKind::kCreate, "", "", "{}", "text/plain");
  EXPECT_EQ(text.status, 422);
  EXPECT_NE(text.body.find("model_attributes_type"), std::string::npos);
  EXPECT_EQ(client.create("{\"name\":\"\xFF\"}").status, 400);
}

TEST_F(OperationTest, AnIntegerColumnHas64Bits) {
  Client client(attached(spec_of("Count", field_of("id", kOptionalInt, "null") + "," + field_of("n", kInt))));
  EXPECT_EQ(client.create(R"({"n":9223372036854775807})").body, R"({"id":1,"n":9223372036854775807})");
  EXPECT_EQ(client.create(R"({"n":-9223372036854775808})").body, R"({"id":2,"n":-9223372036854775808})");
  EXPECT_EQ(
      client.create(R"({"n":9223372036854775808})").body,
      R"({"detail":[{"type":"less_than_equal","loc":["body","n"],"msg":"Input should be less than or equal to 9223372036854775807","input":9223372036854775808,"ctx":{"le":9223372036854775807}}]})");
  EXPECT_EQ(client.create(R"({"n":-9223372036854775809})").status, 422);
}

TEST_F(OperationTest, ReplacesAsAWhole) {
  Client client(attached(product_spec()));
  client.create(R"({"name":"a","price":1,"tags":["x"],"note":"n"})");
  EXPECT_EQ(client.replace("1", R"({"name":"b","price":2})").body,
            R"({"id":1,"name":"b","price":2.0,"tags":[],"note":"none"})");
  EXPECT_EQ(client.replace("1", R"({"id":1,"name":"c","price":2})").status, 200);
  EXPECT_EQ(
      client.replace("1", R"({"id":2,"name":"d","price":2})").body,
      R"({"detail":[{"type":"value_error","loc":["body","id"],"msg":"Value error, the key of an item cannot be changed: it must be the one in the path","input":2,"ctx":{"error":{}}}]})");
  EXPECT_EQ(client.replace("7", R"({"name":"b","price":2})").status, 404);
  EXPECT_NE(client.get("1").body.find("\"c\""), std::string::npos);
}

TEST_F(OperationTest, DeletesOnce) {
  Client client(attached(product_spec()));
  client.create(R"({"name":"a","price":1})");
  const Response removed = client.remove("1");
  EXPECT_EQ(removed.status, 204);
  EXPECT_EQ(removed.body, "");
  EXPECT_EQ(removed.content_type, "");
  EXPECT_EQ(client.remove("1").status, 404);
  EXPECT_EQ(client.get("1").status, 404);
}

TEST_F(OperationTest, AModelWithoutAKeyGetsOne) {
  Client client(attached(spec_of("Note", field_of("text", kStr)), {.table = "notes"}));
  EXPECT_EQ(client.create(R"({"text":"a","id":9})").body, R"({"id":1,"text":"a"})");
  EXPECT_EQ(client.replace("1", R"({"text":"b"})").body, R"({"id":1,"text":"b"})");
  EXPECT_EQ(client.update("1", R"({"text":"c"})").body, R"({"id":1,"text":"c"})");
  EXPECT_EQ(client.list().body, R"({"items":[{"id":1,"text":"c"}],"next":null})");
}

TEST_F(OperationTest, KeepsMembersThatAreNoFields) {
  Client client(attached(product_spec("allow")));
  EXPECT_EQ(client.create(R"({"name":"a","price":1,"x":{"y":[1,-0.0]},"z":null})").body,
            R"({"id":1,"name":"a","price":1.0,"tags":[],"note":"none","x":{"y":[1,-0.0]},"z":null})");
  EXPECT_EQ(client.update("1", R"({"x":{"w":2},"z":null})").body,
            R"({"id":1,"name":"a","price":1.0,"tags":[],"note":"none","x":{"y":[1,-0.0],"w":2}})");
  EXPECT_EQ(client.replace("1", R"({"name":"a","price":1})").body,
            R"({"id":1,"name":"a","price":1.0,"tags":[],"note":"none"})");
}

TEST_F(OperationTest, FloatsComeBackToTheLastBit) {
  Client client(attached(spec_of("Number", field_of("id", kOptionalInt, "null") + "," + field_of("x", kFloat))));
  for (const auto& [given, answered] : {std::pair{"-0.0", "-0.0"},
                                        {"1e16", "1e+16"},
                                        {"0.1", "0.1"},
                                        {"5e-324", "5e-324"},
                                        {"1e400", "null"},
                                        {"NaN", "null"},
                                        {"3", "3.0"}}) {
    const Response created = client.create(std::string(R"({"x":)") + given + "}");
    ASSERT_EQ(created.status, 201) << given;
    const std::string location = header(created, "location");
    const std::string key = location.substr(location.rfind('/') + 1);
    EXPECT_EQ(created.body, R"({"id":)" + key + R"(,"x":)" + answered + "}");
    EXPECT_EQ(client.get(key).body, created.body);
    EXPECT_EQ(client.update(key, "{}").body, created.body) << given;
  }
}

TEST_F(OperationTest, ConflictsNameTheClientsNames) {
  Client client(attached(spec_of("User", field_of("id", kOptionalInt, "null") + "," +
                                             field_of("mail", kStr, "", "eMail") + "," + field_of("shop", kStr)),
                         {.table = "users", .unique = {{"mail", "shop"}}}));
  EXPECT_EQ(client.create(R"({"eMail":"a","shop":"s"})").body, R"({"id":1,"eMail":"a","shop":"s"})");
  client.create(R"({"eMail":"b","shop":"s"})");
  const std::string conflict = R"({"detail":"An item with this eMail and shop already exists"})";
  EXPECT_EQ(client.create(R"({"eMail":"a","shop":"s"})").body, conflict);
  EXPECT_EQ(client.replace("2", R"({"eMail":"a","shop":"s"})").body, conflict);
  EXPECT_EQ(client.update("2", R"({"eMail":"a"})").status, 409);
}

TEST_F(OperationTest, AClosedStoreIsUnavailableAndAnswersAgainWhenAttached) {
  auto resource = attached(product_spec());
  Client client(resource);
  client.create(R"({"name":"a","price":1})");
  store_.store()->close();
  for (const Response& response : {client.get("1"), client.list(), client.create(R"({"name":"a","price":1})")}) {
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(header(response, "retry-after"), "1");
  }
  auto again = open_store("sqlite:///" + (store_.directory() / "test.db").string());
  ASSERT_TRUE(again && resource->attach(*again));
  EXPECT_EQ(client.get("1").status, 200);
  (*again)->close();
}

TEST_F(OperationTest, BeforeTheStoreIsOpenTheAnswerIs503) {
  Client client(make_resource(product_spec(), {.table = "products"}));
  EXPECT_EQ(client.list().status, 503);
  EXPECT_EQ(client.remove("1").status, 503);
  EXPECT_EQ(client.create(R"({"name":"a","price":1})").status, 503);
}

TEST_F(OperationTest, AFaultIsLoggedButNotShown) {
  Client client(attached(product_spec()));
  ASSERT_EQ(client.create(R"({"name":"a","price":1})").status, 201);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((store_.directory() / "test.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "DROP TABLE products", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  for (const Response& response : {client.list(), client.create(R"({"name":"a","price":1})")}) {
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(response.body, R"({"detail":"Internal Server Error"})");
  }
  const std::lock_guard lock(mutex_);
  ASSERT_EQ(log_.size(), 2U);
  EXPECT_NE(log_[0].find("no such table"), std::string::npos);
}

TEST_F(OperationTest, HostileTextIsOnlyText) {
  Client client(attached(spec_of("Word", field_of("word", kStr)), {.table = "words", .key = "word"}, kStr));
  for (const char* text : {"'; DROP TABLE words; --", "\\\" OR 1=1", "..\\\\..\\\\etc", "%00", "$where", "\\u0000"}) {
    ASSERT_EQ(client.create(std::string(R"({"word":")") + text + "\"}").status, 201) << text;
  }
  EXPECT_EQ(client.get("' OR '1'='1").status, 404);
  EXPECT_EQ(client.remove("' OR '1'='1").status, 404);
  EXPECT_EQ(client.get("'; DROP TABLE words; --").status, 200);
  EXPECT_EQ(client.get(std::string_view("\0", 1)).body, R"({"word":"\u0000"})");
}

TEST(Resource, RefusesWhatCannotBe) {
  const auto make = [](const std::string& spec, ResourceOptions options) {
    const auto page = compile(spec_of("Page", field_of("limit", kInt, "20")));
    return Resource::make(
        {.item = compile(spec), .key = compile(spec_of("Key", field_of(options.key, kInt))), .page = page}, options);
  };
  EXPECT_FALSE(make(spec_of("A", field_of("id", kFloat)), {.table = "a"}));
  EXPECT_FALSE(make(product_spec(), {.table = "a", .unique = {{"nmae"}}}));
  EXPECT_FALSE(make(product_spec(), {.table = "a", .indexes = {{"nmae"}}}));
}

}  // namespace
}  // namespace data_bridge::crud
