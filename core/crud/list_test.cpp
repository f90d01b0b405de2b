// Lists: conditions, orders, pages, and what is refused.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "crud/condition_reader.hpp"
#include "crud/list_request.hpp"
#include "crud/test_support.hpp"
#include "text/percent.hpp"

namespace data_bridge::crud {
namespace {

class ListTest : public ResourceTest {
 protected:
  void SetUp() override {
    for (const char* body :
         {R"({"name":"Kettle","price":12.5,"tags":["red","blue"]})", R"({"name":"Pan","price":7,"note":null})",
          R"({"name":"pot","price":7,"tags":["red"]})", R"({"name":"Éclair","price":2,"note":"100%"})"}) {
      ASSERT_EQ(client_.create(body).status, 201);
    }
  }

  // The keys on all pages, in order.
  std::string keys(const std::string& query) {
    std::string found;
    std::string next = query;
    for (int page = 0; page < 10; ++page) {
      const Response response = client_.list(next);
      if (response.status != 200) return response.body;
      for (std::size_t at = response.body.find(R"("id":)"); at != std::string::npos;
           at = response.body.find(R"("id":)", at + 1)) {
        found += response.body[at + 5];
      }
      const std::string link = header(response, "link");
      if (link.empty()) return found;
      next = link.substr(link.find('?') + 1, link.find('>') - link.find('?') - 1);
    }
    return found + "...";
  }

  std::string where(std::string_view json, const std::string& more = "") {
    std::string query = "where=";
    text::append_percent_encoded(query, json);
    return keys(query + more);
  }
  std::string refused(const std::string& query) {
    const Response response = client_.list(query);
    EXPECT_EQ(response.status, 422) << query << response.body;
    return response.body;
  }
  std::string refused_where(std::string_view json) {
    std::string query = "where=";
    text::append_percent_encoded(query, json);
    return refused(query);
  }

  std::shared_ptr<Resource> resource_ = attached(product_spec(), {.table = "products"}, kInt, product_filters());
  Client client_{resource_};
};

TEST_F(ListTest, FiltersByParameters) {
  EXPECT_EQ(keys("name=Pan"), "2");
  EXPECT_EQ(keys("name__eq=Pan&_=123"), "2");
  EXPECT_EQ(keys("price__lt=12.5&price__gt=2"), "23");
  EXPECT_EQ(keys("id__in=3,1,9"), "13");
  EXPECT_EQ(keys("id__nin=3,1"), "24");
  EXPECT_EQ(keys("id__in="), "");
  EXPECT_EQ(keys("tags__contains=red"), "13");
  EXPECT_EQ(keys("tags__contains=red&tags__contains=blue"), "1");
  EXPECT_EQ(keys("note__isnull=true"), "2");
  EXPECT_EQ(keys("note__ne=none"), "24");
  EXPECT_EQ(keys("name__startswith=P"), "2");
  EXPECT_EQ(keys("name__icontains=P"), "23");
  EXPECT_EQ(keys("name__icontains=%C3%A9C"), "4");
  EXPECT_EQ(keys("note__endswith=%25"), "4");
  EXPECT_EQ(keys("id__gt=99999999999999999999"), "");
  EXPECT_EQ(keys("id__lt=99999999999999999999"), "1234");
  EXPECT_EQ(keys("limit=1&price=7"), "23");
}

TEST_F(ListTest, FiltersByConditions) {
  EXPECT_EQ(where(R"({"price":7,"name":"Pan"})"), "2");
  EXPECT_EQ(where(R"({"or":[{"name":"Pan"},{"price__gt":10}]})"), "12");
  EXPECT_EQ(where(R"([{"name":"Pan"},{"price__gt":10}])"), "12");
  EXPECT_EQ(where(R"({"not":{"price":7}})"), "14");
  EXPECT_EQ(where(R"({"not":[{"price":7},{"name":"Kettle"}]})"), "4");
  EXPECT_EQ(where(R"({"note":null})"), "2");
  EXPECT_EQ(where(R"({"note__in":[null,"100%"]})"), "24");
  EXPECT_EQ(where(R"({"not":{"note__lt":"zzz"}})"), "2");
  EXPECT_EQ(where("{}"), "1234");
  EXPECT_EQ(where("[]"), "");
  EXPECT_EQ(where(R"({"price":7})", "&name=Pan"), "2");
  EXPECT_EQ(where(R"({"name":"Pan"})", "&where=%7B%22price%22:7%7D"), "2");
}

TEST_F(ListTest, SortsAndPages) {
  EXPECT_EQ(keys("sort=name&limit=1"), "1234");
  EXPECT_EQ(keys("sort=-name&limit=1"), "4321");
  EXPECT_EQ(keys("sort=price,-id&limit=1"), "4321");
  EXPECT_EQ(keys("sort=-price&limit=1"), "1324");  // the key goes in the direction of the last term
  EXPECT_EQ(keys("sort=note,-name&limit=1"), "2431");
  EXPECT_EQ(keys("sort=-note,name&limit=1"), "1342");
  EXPECT_EQ(keys("sort=-id"), "4321");
  EXPECT_EQ(keys("sort=id&offset=1"), "234");
  EXPECT_EQ(keys("sort=price&offset=2&limit=1"), "31");
  EXPECT_EQ(keys("sort=-price&price__lt=10&limit=1"), "324");
}

TEST_F(ListTest, TellsTheTotalAndOnlyTheFieldsThatAreAskedFor) {
  EXPECT_EQ(client_.list("price=7&total=true&limit=1&fields=price,id").body.substr(0, 36),
            R"({"items":[{"id":2,"price":7.0}],"nex)");
  EXPECT_TRUE(client_.list("price=7&total=true&limit=1").body.ends_with(R"(,"total":2})"));
  EXPECT_EQ(client_.list("total=true&limit=0").body, R"({"items":[],"next":null,"total":4})");
  EXPECT_EQ(client_.list("fields=name&name=Pan").body, R"({"items":[{"name":"Pan"}],"next":null})");
}

TEST_F(ListTest, TheDefaultOrderHasAnIndexAndItsOwnCursors) {
  auto resource = attached(product_spec(), {.table = "products", .sort = {"-price", "name"}}, kInt, product_filters());
  Client client(resource);
  const Response first = client.list("limit=1");
  EXPECT_NE(first.body.find("Kettle"), std::string::npos);
  const std::string link = header(first, "link");
  const std::string next = link.substr(link.find('?') + 1, link.find('>') - link.find('?') - 1);
  EXPECT_NE(client.list(next).body.find("Pan"), std::string::npos);
  EXPECT_EQ(client_.list(next).status, 422);  // of another order
}

TEST_F(ListTest, WhatIsNotKnownNamesTheNearest) {
  EXPECT_EQ(refused("prize=3"),
            R"({"detail":[{"type":"extra_forbidden","loc":["query","prize"],"msg":"Extra inputs are not permitted; )"
            R"(the nearest name is 'price'","input":"3"}]})");
  EXPECT_NE(refused("prize__lt=3").find("nearest name is 'price'"), std::string::npos);
  EXPECT_NE(refused("limt=3").find("nearest name is 'limit'"), std::string::npos);
  EXPECT_NE(refused("price__lte=3")
                .find("no operator 'lte', the nearest is 'lt' of eq, ne, lt, le, gt, ge, in, nin, "
                      "isnull"),
            std::string::npos);
  EXPECT_NE(refused("price__contains=3").find("has no operator 'contains'"), std::string::npos);
  EXPECT_NE(refused("tags=red").find("write 'tags__contains'"), std::string::npos);
  EXPECT_NE(refused("sort=prize").find("'prize' is no field to sort by, the nearest is 'price'"), std::string::npos);
  EXPECT_NE(refused("sort=tags").find("'tags' is no field to sort by"), std::string::npos);
  EXPECT_NE(refused("sort=").find("is no field to sort by"), std::string::npos);
  EXPECT_NE(refused("fields=id,nam").find("'nam' is no field, the nearest is 'name'"), std::string::npos);
  EXPECT_NE(refused_where(R"({"or":[{"nmae":1}]})").find(R"("loc":["query","where","or",0,"nmae"])"),
            std::string::npos);
}

TEST_F(ListTest, ValuesAreThoseOfTheField) {
  EXPECT_EQ(refused("price__lt=x"),
            R"({"detail":[{"type":"float_parsing","loc":["query","price__lt"],"msg":"Input should be a valid number, )"
            R"(unable to parse string as a number","input":"x"}]})");
  EXPECT_NE(refused("id__in=1,x").find(R"("loc":["query","id__in",1])"), std::string::npos);
  EXPECT_NE(refused("price=nan").find("finite_number"), std::string::npos);
  EXPECT_NE(refused("name=").find("string_too_short"), std::string::npos);
  EXPECT_EQ(keys("name__contains="), "1234");  // a part of a name need not be one
  EXPECT_NE(refused("note__isnull=x").find("bool_parsing"), std::string::npos);
  EXPECT_NE(refused_where(R"({"price__lt":null})").find("use isnull"), std::string::npos);
  EXPECT_NE(refused_where(R"({"name":5})").find("string_type"), std::string::npos);
  EXPECT_NE(refused_where(R"({"id__in":5})").find("list_type"), std::string::npos);
}

TEST_F(ListTest, ConditionsThatAreNone) {
  for (const char* json : {"", "x", "5", "null", R"("a")", R"({"or":{}})", R"({"not":5})", R"([5])", R"({"price":NaN})",
                           R"({"price":1e999})", R"({"\ud800":1})", R"({"name":"\udc00"})"}) {
    refused_where(json);
  }
}

TEST_F(ListTest, ConditionsHaveBounds) {
  const auto times = [](const std::string& text, std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += text;
    return all;
  };
  const auto nested = [&times](std::size_t depth) {
    return times(R"({"not":)", depth - 1) + R"({"id__ne":0})" + times("}", depth - 1);
  };
  EXPECT_EQ(where(nested(kMaxConditionDepth)), "");
  EXPECT_NE(refused_where(nested(kMaxConditionDepth + 1)).find("at most 10 deep"), std::string::npos);
  refused_where(times("[", 100'000));
  refused_where(nested(1000));

  EXPECT_EQ(keys(times("id__gt=0&", kMaxConditions)), "1234");
  EXPECT_NE(refused(times("id__gt=0&", kMaxConditions + 1)).find("at most 100 conditions"), std::string::npos);
  EXPECT_NE(refused_where("[" + times("{},", kMaxConditions) + "{}]").find("at most 100"), std::string::npos);
  EXPECT_EQ(keys("id__in=1" + times(",1", kMaxValues - 1)), "1");
  EXPECT_NE(refused("id__in=1" + times(",1", kMaxValues)).find("at most 1000 values"), std::string::npos);
  EXPECT_EQ(keys("sort=id" + times(",id", 100)), "1234");
}

TEST_F(ListTest, ACursorIsOfItsQuery) {
  const auto next_of = [this](const std::string& query) {
    const std::string link = header(client_.list(query), "link");
    const std::size_t at = link.rfind("cursor=");
    return at == std::string::npos ? "" : link.substr(at, link.find('>') - at);
  };
  const std::string plain = next_of("limit=1");
  const std::string sorted = next_of("limit=1&sort=price");
  const std::string filtered = next_of("limit=1&price=7");
  EXPECT_EQ(client_.list(sorted + "&sort=price&limit=2&total=true&fields=id").status, 200);
  for (const std::string& wrong :
       {sorted, sorted + "&sort=-price", sorted + "&sort=name", sorted + "&sort=price&price=7", plain + "&sort=price",
        filtered, filtered + "&price=8", filtered + "&price__le=7", filtered + "&price=7&name=Pan",
        filtered + "&where=%7B%22price%22:8%7D", plain + "x", plain + "&offset=1"}) {
    refused(wrong);
  }
}

TEST_F(ListTest, HostileTextIsText) {
  for (const char* text : {"' OR 1=1 --", "\"; DROP TABLE products; --", "%", "_", "\\", "?1", "$.a", "\x01"}) {
    std::string value;
    text::append_percent_encoded(value, text);
    EXPECT_EQ(keys("name=" + value), "");
    EXPECT_EQ(keys("tags__contains=" + value), "");
    EXPECT_EQ(client_.list("sort=" + value).status, 422);
    EXPECT_EQ(client_.list("fields=" + value).status, 422);
    EXPECT_EQ(client_.list("cursor=" + value).status, 422);
    EXPECT_EQ(client_.list(value + "=1").status, value == "_" ? 200 : 422);
    EXPECT_EQ(client_.list("name__" + value + "=1").status, 422);
  }
  EXPECT_EQ(keys(""), "1234");
}

}  // namespace
}  // namespace data_bridge::crud
