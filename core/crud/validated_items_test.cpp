// Writes whose items are validated outside: what is checked here all the same, and who wins.
#include "crud/validated_items.hpp"

#include <gtest/gtest.h>

#include "crud/test_support.hpp"

namespace data_bridge::crud {
namespace {

class ValidatedItemsTest : public ResourceTest {
 protected:
  // A name that Python has to look at, and a number.
  std::shared_ptr<Resource> resource_ = attached(
      spec_of("Product", field_of("id", kOptionalInt, "null") + "," +
                             field_of("name", R"({"type":"opaque","kind":"text"})") + "," + field_of("price", kFloat)));
  std::shared_ptr<const Operation> operation(OperationKind kind) { return make_operation(kind, resource_); }

  static Request request(std::string_view body, std::string_view key = "", std::string_view query = "") {
    return {.path = "/products", .query = query, .content_type = "application/json", .body = body, .key = key};
  }

  Response create(std::string_view body, std::string_view document) {
    return write_validated(*operation(OperationKind::kCreate), request(body), document);
  }
};

TEST_F(ValidatedItemsTest, TellsWhatIsWrongBesidesTheBody) {
  const auto replace = operation(OperationKind::kReplace);
  EXPECT_EQ(examine(*replace, request("{}", "1")), "");
  const auto entries = examine(*replace, request("{}", "x", "y=1"));
  ASSERT_TRUE(entries.has_value());
  EXPECT_NE(entries->find(R"("loc":["path","id"])"), std::string::npos);
  EXPECT_NE(entries->find(R"("loc":["query","y"])"), std::string::npos);
  EXPECT_EQ(examine(*replace, request("{", "x")).error().status, 422);
  EXPECT_EQ(examine(*operation(OperationKind::kUpdate),
                    {.path = "/", .query = "", .content_type = "application/json-patch+json", .body = "[]", .key = "1"})
                .error()
                .status,
            415);
}

TEST_F(ValidatedItemsTest, WritesTheDocumentAndNotTheBody) {
  const Response created = create(R"({"name":"a","price":"1"})", R"({"price":Infinity,"name":"A","id":null,"x":1})");
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.body, R"({"id":1,"name":"A","price":null})");
  EXPECT_EQ(header(created, "location"), "/products/1");
  const auto replace = operation(OperationKind::kReplace);
  EXPECT_EQ(write_validated(*replace, request("{}", "1"), R"({"id":null,"name":"B","price":2})").body,
            R"({"id":1,"name":"B","price":2.0})");
  EXPECT_EQ(write_validated(*replace, request("{}", "2"), R"({"id":null,"name":"B","price":2})").status, 404);
  EXPECT_EQ(write_validated(*replace, request(R"({"id":2})", "1"), R"({"id":2,"name":"B","price":2})").status, 422);
}

TEST_F(ValidatedItemsTest, AnItemThatNamesAnotherIsRefusedBeforeItIsLookedFor) {
  create("{}", R"({"id":null,"name":"a","price":1.0})");
  const auto replace = operation(OperationKind::kReplace);
  constexpr std::string_view kItem = R"({"id":2,"name":"B","price":2})";
  const auto refused = refuse_validated(*replace, request(R"({"id":2})", "1"), kItem);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->status, 422);
  EXPECT_FALSE(refuse_validated(*replace, request("{}", "1"), R"({"id":null,"name":"B","price":2})"));
  EXPECT_FALSE(refuse_validated(*replace, request("{}", "9"), R"({"id":null,"name":"B","price":2})"));  // not there
  const auto update = operation(OperationKind::kUpdate);
  const auto other = merge_stored(*update, request(R"({"id":2})", "1"));
  ASSERT_TRUE(other.has_value());
  ASSERT_TRUE(refuse_merged(*update, *other, kItem).has_value());
  EXPECT_EQ(refuse_merged(*update, *other, kItem)->status, 422);
  const auto same = merge_stored(*update, request(R"({"name":"b"})", "1"));
  ASSERT_TRUE(same.has_value());
  EXPECT_FALSE(refuse_merged(*update, *same, R"({"id":1,"name":"b","price":1.0})"));
}

TEST_F(ValidatedItemsTest, WhatNoColumnHoldsIsAFaultOfTheModel) {
  EXPECT_EQ(create("{}", R"({"id":null,"name":5,"price":1.0})").status, 500);
  EXPECT_EQ(create("{}", "[]").status, 500);
  ASSERT_EQ(log_.size(), 2U);
  EXPECT_NE(log_[0].find("Product.name"), std::string::npos);
}

TEST_F(ValidatedItemsTest, OfTwoPatchesOfOneItemTheSecondIsMergedAgain) {
  create("{}", R"({"id":null,"name":"a","price":1.0})");
  const auto update = operation(OperationKind::kUpdate);
  const Request patch = request(R"({"name":"b"})", "1");
  auto first = merge_stored(*update, patch);
  auto second = merge_stored(*update, patch);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->merged, R"({"id":1,"name":"b","price":1.0})");
  const auto written = write_merged(*update, *first, R"({"id":1,"name":"b","price":1.0})");
  ASSERT_TRUE(written.has_value());
  EXPECT_EQ(written->body, R"({"id":1,"name":"b","price":1.0})");
  EXPECT_FALSE(write_merged(*update, *second, R"({"id":1,"name":"c","price":1.0})").has_value());
  second = merge_stored(*update, patch);
  ASSERT_TRUE(second.has_value());
  EXPECT_TRUE(write_merged(*update, *second, R"({"id":1,"name":"c","price":1.0})").has_value());
  EXPECT_EQ(merge_stored(*update, request("{}", "9")).error().status, 404);
}

TEST_F(ValidatedItemsTest, AClosedStoreIs503) {
  resource_->detach();
  EXPECT_EQ(create("{}", R"({"id":null,"name":"a","price":1.0})").status, 503);
  EXPECT_EQ(merge_stored(*operation(OperationKind::kUpdate), request("{}", "1")).error().status, 503);
}

}  // namespace
}  // namespace data_bridge::crud
