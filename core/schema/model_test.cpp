// Compiled models: what a spec means, what CRUD asks of it. The comparison with Pydantic is in tests/schema.
#include "schema/model.hpp"

#include <gtest/gtest.h>

#include <string>

#include "json/parser.hpp"
#include "json/writer.hpp"
#include "schema/body.hpp"

namespace data_bridge::schema {
namespace {

constexpr std::string_view kProduct = R"({"version":1,
  "dialect":{"trailing_comma_message":false,"max_depth":962},
  "definitions":{"0":{"type":"model","name":"Maker","extra":"ignore","fields":[
    {"name":"town","keys":["town"],"output_key":"town","schema":{"type":"str"}}]}},
  "schema":{"type":"model","name":"Product","extra":"forbid","fields":[
    {"name":"id","keys":["id"],"output_key":"id","default":null,"schema":{"type":"nullable","schema":{"type":"int"}}},
    {"name":"name","keys":["Name","name"],"output_key":"Name","schema":{"type":"str","min_length":1,"max_length":8}},
    {"name":"price","keys":["price"],"output_key":"price","schema":{"type":"float","gt":0}},
    {"name":"made","keys":["made"],"output_key":"made","default":null,
     "schema":{"type":"nullable","schema":{"type":"datetime"}}},
    {"name":"code","keys":["code"],"output_key":"code","default":"12345678-1234-4234-8234-123456789abc",
     "schema":{"type":"uuid","words":"current"}},
    {"name":"tags","keys":["tags"],"output_key":"tags","default":[],
     "schema":{"type":"list","items":{"type":"str"},"max_length":2}},
    {"name":"maker","keys":["maker"],"output_key":"maker","default":null,
     "schema":{"type":"nullable","schema":{"type":"ref","name":"0"}}},
    {"name":"grade","keys":["grade"],"output_key":"grade","default":"a",
     "schema":{"type":"literal","values":["a","b"],"expected":"'a' or 'b'"}}]}})";

std::shared_ptr<const Model> product() {
  auto model = Model::compile(kProduct);
  EXPECT_TRUE(model) << model.error();
  return *model;
}

std::string answer(const Model& model, std::string_view body) {
  json::Arena arena;
  const auto value = validate_body(model, body, true, arena);
  if (!value) {
    return std::to_string(value.error().status) + " " + value.error().body;
  }
  std::string out;
  EXPECT_TRUE(json::write(out, *value, json::Style::kPydantic));
  return out;
}

TEST(Model, GivesJsonModeInTheOrderOfTheModel) {
  EXPECT_EQ(answer(*product(), R"({"price":"2.50","Name":"Cup","made":1700000000,"maker":{"town":"Oslo","x":1}})"),
            R"({"id":null,"Name":"Cup","price":2.5,"made":"2023-11-14T22:13:20Z",)"
            R"("code":"12345678-1234-4234-8234-123456789abc","tags":[],"maker":{"town":"Oslo"},"grade":"a"})");
}

TEST(Model, ReportsEveryErrorInOrder) {
  EXPECT_EQ(
      answer(*product(), R"({"name":"","price":0,"maker":{},"extra":[],"grade":"c"})"),
      R"(422 {"detail":[)"
      R"({"type":"string_too_short","loc":["body","name"],"msg":"String should have at least 1 character","input":"","ctx":{"min_length":1}},)"
      R"({"type":"greater_than","loc":["body","price"],"msg":"Input should be greater than 0","input":0,"ctx":{"gt":0.0}},)"
      R"({"type":"missing","loc":["body","maker","town"],"msg":"Field required","input":{}},)"
      R"({"type":"literal_error","loc":["body","grade"],"msg":"Input should be 'a' or 'b'","input":"c","ctx":{"expected":"'a' or 'b'"}},)"
      R"({"type":"extra_forbidden","loc":["body","extra"],"msg":"Extra inputs are not permitted","input":[]}]})");
}

TEST(Model, TellsOfManyErrorsButNotOfAnyNumber) {
  const auto model = *Model::compile(
      R"({"version":1,"dialect":{"trailing_comma_message":true,"max_depth":900},"definitions":{},"schema":{"type":"model","name":"M","extra":"forbid","fields":[{"name":"t","keys":["t"],"output_key":"t","schema":{"type":"list","items":{"type":"str"}}}]}})");
  const auto errors_of = [&](const std::string& body) {
    json::Arena arena;
    return model->validate(*json::parse(body, arena), arena).error().size();
  };
  const auto list_of = [](std::size_t count) {
    std::string text = R"({"t":[0)";
    for (std::size_t i = 1; i < count; ++i) text += ",0";
    return text + "]}";
  };
  EXPECT_EQ(errors_of(list_of(9999)), 9999U);
  EXPECT_EQ(errors_of(list_of(50'000)), kMaxErrors);
  std::string extras = R"({"t":[])";
  for (int i = 0; i < 20'000; ++i) extras += ",\"" + std::to_string(i) + "\":0";
  EXPECT_EQ(errors_of(extras + "}"), kMaxErrors);
}

TEST(Model, AListThatFailsFastSaysItsFirstError) {
  const auto model = *Model::compile(
      R"({"version":1,"dialect":{"max_depth":900},"definitions":{},"schema":{"type":"model","name":"M","extra":"forbid","fields":[{"name":"t","keys":["t"],"output_key":"t","schema":{"type":"list","max_length":2,"fail_fast":true,"items":{"type":"str"}}}]}})");
  EXPECT_TRUE(answer(*model, R"({"t":["",0,"",""]})").contains("string_type"));
  EXPECT_TRUE(answer(*model, R"({"t":["","","",0]})").contains("not 4"));
}

TEST(Model, TheTextOfErrorsHasABudget) {
  std::string fields;
  for (int i = 0; i < 40; ++i) {
    const std::string name = "f" + std::to_string(i);
    fields += (i == 0 ? "" : ",") + (R"({"name":")" + name + R"(","keys":[")" + name) + R"("],"output_key":")" + name +
              R"(","schema":{"type":"int"}})";
  }
  const auto model = *Model::compile(
      R"({"version":1,"dialect":{"trailing_comma_message":true,"max_depth":900},"definitions":{},"schema":{"type":"model","name":"M","extra":"ignore","fields":[)" +
      fields + "]}}");
  // Each of the missing fields repeats the whole body.
  const auto text_of = [&](std::size_t size) {
    json::Arena arena;
    const auto body = R"({"junk":")" + std::string(size, 'x') + R"("})";
    return validate_body(*model, body, true, arena).error().body;
  };
  const auto count = [](const std::string& text) {
    std::size_t found = 0;
    for (std::size_t at = text.find("Field required"); at != std::string::npos;
         at = text.find("Field required", at + 1)) {
      ++found;
    }
    return found;
  };
  EXPECT_EQ(count(text_of(1000)), 40U);
  const std::string large = text_of(1'000'000);
  EXPECT_EQ(count(large), 9U);
  EXPECT_LT(large.size(), kMaxErrorBytes + 1'100'000);
  EXPECT_TRUE(large.ends_with("}]}"));
}

TEST(Model, BodiesThatAreNone) {
  const auto model = product();
  EXPECT_EQ(answer(*model, ""),
            R"(422 {"detail":[{"type":"missing","loc":["body"],"msg":"Field required","input":null}]})");
  EXPECT_EQ(answer(*model, R"({"a":1,})"),
            R"(422 {"detail":[{"type":"json_invalid","loc":["body",7],"msg":"JSON decode error","input":{},)"
            R"("ctx":{"error":"Expecting property name enclosed in double quotes"}}]})");
  EXPECT_EQ(answer(*model, "\"\xFF\""), R"(400 {"detail":"There was an error parsing the body"})");
  EXPECT_EQ(answer(*model, R"({"Name":NaN,"price":1})"), "500 Internal Server Error");
  EXPECT_EQ(answer(*model, R"({"Name":"\ud800","price":1})"), "500 Internal Server Error");
}

TEST(Model, DescribesItsFields) {
  const auto model = product();
  const auto fields = model->fields();
  ASSERT_EQ(fields.size(), 8U);
  EXPECT_EQ(fields[0].kind, FieldKind::kInt);
  EXPECT_TRUE(fields[0].nullable);
  EXPECT_FALSE(fields[0].required);
  EXPECT_EQ(fields[1].input_key, "Name");
  EXPECT_TRUE(fields[1].required);
  EXPECT_FALSE(fields[1].nullable);
  EXPECT_EQ(fields[2].kind, FieldKind::kFloat);
  EXPECT_EQ(fields[3].kind, FieldKind::kDatetime);
  EXPECT_EQ(fields[4].kind, FieldKind::kUuid);
  EXPECT_EQ(fields[4].default_value->as_string(), "12345678-1234-4234-8234-123456789abc");
  EXPECT_EQ(fields[5].kind, FieldKind::kJson);
  EXPECT_EQ(fields[6].kind, FieldKind::kJson);
  EXPECT_EQ(fields[7].kind, FieldKind::kString);
  EXPECT_EQ(model->field_index("price"), 2U);
  EXPECT_FALSE(model->field_index("Name"));
  EXPECT_EQ(model->name(), "Product");
  EXPECT_EQ(model->parse_options().max_depth, 962U);
}

TEST(Model, ValidatesOneField) {
  const auto model = product();
  json::Arena arena;
  EXPECT_EQ(model->validate_field(0, json::Value::string("12"), arena)->as_int(), 12);
  const auto failed = model->validate_field(0, json::Value::string("x"), arena);
  ASSERT_FALSE(failed);
  const LocationItem prefix[] = {"path", "id"};
  EXPECT_EQ(reject(failed.error(), prefix).body,
            R"({"detail":[{"type":"int_parsing","loc":["path","id"],)"
            R"("msg":"Input should be a valid integer, unable to parse string as an integer","input":"x"}]})");
}

TEST(Model, RefusesASpecThatItDoesNotKnow) {
  const auto refuses = [](std::string_view schema, std::string_view reason) {
    const auto model = Model::compile(R"({"version":1,"dialect":{"max_depth":1},"definitions":{},"schema":)" +
                                      std::string(schema) + "}");
    ASSERT_FALSE(model) << schema;
    EXPECT_NE(model.error().find(reason), std::string::npos) << model.error();
  };
  refuses(R"({"type":"fraction"})", "is unknown");
  refuses(R"({"type":"decimal","multiple_of":{"value":"0","display":"0","context":0}})", "is zero or too long");
  refuses(R"({"type":"set","items":{"type":"int"}})", "not text");
  refuses(R"({"type":"decimal","le":{"value":"NaN","display":"NaN","context":null}})", "no number");
  refuses(R"({"type":"int"})", "not that of a model");
  refuses(R"({"type":"model","name":"M","extra":"ignore","fields":[],"new":1})", "unknown key \"new\"");
  refuses(R"json({"type":"model","name":"M","extra":"ignore","fields":[{"name":"a","keys":["a"],"output_key":"a",
             "schema":{"type":"str","pattern":"a(?=b)"}}]})json",
          "pattern");
  refuses(R"({"type":"ref","name":"0"})", "no definition \"0\"");
  refuses("{", "not JSON");
}

}  // namespace
}  // namespace data_bridge::schema
