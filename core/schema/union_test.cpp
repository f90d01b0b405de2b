// Unions: which member is taken, and where errors are. The comparison with Pydantic is in tests/schema.
#include <gtest/gtest.h>

#include <string>

#include "json/writer.hpp"
#include "schema/body.hpp"

namespace data_bridge::schema {
namespace {

// A model with one field `u`.
std::shared_ptr<const Model> model_of(std::string_view schema, std::string_view definitions = "") {
  std::string spec(R"({"version":1,"dialect":{"trailing_comma_message":false,"max_depth":962},"definitions":{)");
  spec.append(definitions).append(R"(},"schema":{"type":"model","name":"M","extra":"ignore","fields":[)");
  spec.append(R"({"name":"u","keys":["u"],"output_key":"u","schema":)").append(schema).append("}]}}");
  auto model = Model::compile(spec);
  EXPECT_TRUE(model) << model.error();
  return *model;
}

std::string answer(const Model& model, std::string_view body) {
  json::Arena arena;
  const auto value = validate_body(model, body, true, arena);
  if (!value) {
    return value.error().body;
  }
  std::string out;
  EXPECT_TRUE(json::write(out, *value, json::Style::kPydantic));
  return out;
}

constexpr std::string_view kSmart = R"({"type":"union","mode":"smart","members":[
  {"label":"int","schema":{"type":"int"}},{"label":"float","schema":{"type":"float"}},
  {"label":"str","schema":{"type":"str"}}]})";

TEST(Union, TakesWhatNeedsNoConversion) {
  const auto model = model_of(kSmart);
  EXPECT_EQ(answer(*model, R"({"u":1})"), R"({"u":1})");
  EXPECT_EQ(answer(*model, R"({"u":1.0})"), R"({"u":1.0})");
  EXPECT_EQ(answer(*model, R"({"u":"1"})"), R"({"u":"1"})");
  EXPECT_EQ(answer(*model, R"({"u":true})"), R"({"u":1})");  // the first of those that convert
}

TEST(Union, TakesTheFirstInOrderWhereAsked) {
  std::string ordered(kSmart);
  ordered.replace(ordered.find("smart"), 5, "left_to_right");
  EXPECT_EQ(answer(*model_of(ordered), R"({"u":"1"})"), R"({"u":1})");
}

TEST(Union, TellsWhatIsWrongWithEachMember) {
  EXPECT_EQ(answer(*model_of(kSmart), R"({"u":[]})"),
            R"({"detail":[)"
            R"({"type":"int_type","loc":["body","u","int"],"msg":"Input should be a valid integer","input":[]},)"
            R"({"type":"float_type","loc":["body","u","float"],"msg":"Input should be a valid number","input":[]},)"
            R"({"type":"string_type","loc":["body","u","str"],"msg":"Input should be a valid string","input":[]}]})");
}

TEST(Union, PrefersTheModelThatSetsMoreFields) {
  const auto model = model_of(R"({"type":"union","mode":"smart","members":[
    {"label":"A","schema":{"type":"model","name":"A","extra":"ignore","fields":[
      {"name":"x","keys":["x"],"output_key":"x","schema":{"type":"str"}}]}},
    {"label":"B","schema":{"type":"model","name":"B","extra":"ignore","fields":[
      {"name":"x","keys":["x"],"output_key":"x","schema":{"type":"str"}},
      {"name":"y","keys":["y"],"output_key":"y","schema":{"type":"int"},"default":7}]}}]})");
  EXPECT_EQ(answer(*model, R"({"u":{"x":"a"}})"), R"({"u":{"x":"a"}})");
  EXPECT_EQ(answer(*model, R"({"u":{"x":"a","y":"2"}})"), R"({"u":{"x":"a","y":2}})");
}

constexpr std::string_view kTagged =
    R"({"type":"tagged-union","keys":["kind","k"],"discriminator":"'kind' | 'k'","not_found":"No tag",)"
    R"("expected_tags":"'a'","members":[{"label":"a","schema":{"type":"model","name":"A","extra":"ignore","fields":[)"
    R"({"name":"x","keys":["x"],"output_key":"x","schema":{"type":"int"}}]}}]})";

TEST(Union, TakesTheMemberThatItsTagNames) {
  const auto model = model_of(kTagged);
  EXPECT_EQ(answer(*model, R"({"u":{"k":"a","x":"5"}})"), R"({"u":{"x":5}})");
  EXPECT_EQ(answer(*model, R"({"u":{"kind":"a"}})"),
            R"({"detail":[{"type":"missing","loc":["body","u","a","x"],"msg":"Field required",)"
            R"("input":{"kind":"a"}}]})");
  EXPECT_EQ(answer(*model, R"({"u":{}})"),
            R"({"detail":[{"type":"union_tag_not_found","loc":["body","u"],"msg":"No tag","input":{},)"
            R"("ctx":{"discriminator":"'kind' | 'k'"}}]})");
  EXPECT_EQ(answer(*model, R"({"u":{"kind":[null]}})"),
            R"({"detail":[{"type":"union_tag_invalid","loc":["body","u"],"msg":"Input tag '[None]' found using )"
            R"('kind' | 'k' does not match any of the expected tags: 'a'","input":{"kind":[null]},)"
            R"("ctx":{"discriminator":"'kind' | 'k'","tag":"[None]","expected_tags":"'a'"}}]})");
}

TEST(Union, IsNotTriedForHours) {
  // Both members lead back to the union: each level doubles the work.
  const std::string rest = R"(","extra":"ignore","fields":[)"
                           R"({"name":"n","keys":["n"],"output_key":"n","schema":{"type":"ref","name":"0"}}]}})";
  const std::string shared = R"({"type":"union","mode":"smart","members":[)"
                             R"({"label":"A","schema":{"type":"model","name":"A)" +
                             rest + R"(,{"label":"B","schema":{"type":"model","name":"B)" + rest + "]}";
  const auto model = model_of(R"({"type":"ref","name":"0"})", R"("0":)" + shared);
  std::string body = R"({"u":)";
  for (int level = 0; level < 60; ++level) body += R"({"n":)";
  body += "1" + std::string(61, '}');
  EXPECT_TRUE(answer(*model, body).contains("recursion_depth_exceeded"));
}

}  // namespace
}  // namespace data_bridge::schema
