// No body crashes validation; an accepted value can be written and is accepted again as it was written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "json/writer.hpp"
#include "schema/body.hpp"
#include "schema/model.hpp"

using namespace data_bridge;

namespace {

constexpr std::string_view kSpec =
    R"({"version":1,"dialect":{"trailing_comma_message":true,"max_depth":300,"digit_zeros":[48,1632]},
  "definitions":{"0":{"type":"model","name":"T","extra":"allow","fields":[
    {"name":"i","keys":["i"],"output_key":"i","default":0,"schema":{"type":"int","multiple_of":3,"lt":99999999999999999999}},
    {"name":"f","keys":["f"],"output_key":"f","default":0.5,"schema":{"type":"float","allow_inf_nan":false}},
    {"name":"b","keys":["b"],"output_key":"b","default":true,"schema":{"type":"bool"}},
    {"name":"s","keys":["s"],"output_key":"s","default":"a",
     "schema":{"type":"str","max_length":9,"pattern":"^[^0]*$","strip_whitespace":true}},
    {"name":"l","keys":["l"],"output_key":"l","default":null,
     "schema":{"type":"nullable","schema":{"type":"list","items":{"type":"datetime"}}}},
    {"name":"d","keys":["d"],"output_key":"d","default":{},
     "schema":{"type":"dict","keys":{"type":"str","to_lower":true},"values":{"type":"timedelta"}}},
    {"name":"n","keys":["n"],"output_key":"n","default":null,
     "schema":{"type":"nullable","schema":{"type":"decimal","max_digits":9,"multiple_of":{"value":"0.07","display":"0.07","context":0.07}}}},
    {"name":"a","keys":["a"],"output_key":"a","default":[],"schema":{"type":"set","items":{"type":"date"}}},
    {"name":"h","keys":["h"],"output_key":"h","default":null,
     "schema":{"type":"nullable","schema":{"type":"tuple","items":[{"type":"time"},{"type":"bytes"}]}}},
    {"name":"u","keys":["u"],"output_key":"u","default":null,"schema":{"type":"nullable","schema":{"type":"uuid","words":"current"}}},
    {"name":"o","keys":["o"],"output_key":"o","default":null,"schema":{"type":"union","mode":"smart","members":[
      {"label":"none","schema":{"type":"none"}},{"label":"int","schema":{"type":"int"}},
      {"label":"str","schema":{"type":"str"}},{"label":"T","schema":{"type":"ref","name":"0"}},
      {"label":"list[T]","schema":{"type":"list","items":{"type":"ref","name":"0"}}}]}},
    {"name":"k","keys":["k"],"output_key":"k","default":null,
     "schema":{"type":"nullable","schema":{"type":"tagged-union","keys":["s"],"discriminator":"'s'","not_found":"no tag",
      "expected_tags":"'a'","members":[{"label":"a","schema":{"type":"ref","name":"0"}}]}}},
    {"name":"e","keys":["e"],"output_key":"e","default":null,"schema":{"type":"nullable","schema":{"type":"opaque","kind":"json",
      "inner":{"type":"str"},"plain":{"type":"email","reserved":["test"],"mailboxes":["info"]}}}},
    {"name":"w","keys":["w"],"output_key":"w","default":null,"schema":{"type":"nullable","schema":{"type":"opaque","kind":"json",
      "plain":{"type":"url","schemes":["http","https"],"root":"/"}}}},
    {"name":"p","keys":["p"],"output_key":"p","default":null,
     "schema":{"type":"nullable","schema":{"type":"datetime","now":"past","offset":"aware"}}},
    {"name":"t","keys":["t"],"output_key":"t","default":null,
     "schema":{"type":"nullable","schema":{"type":"ref","name":"0"}}}]}},
  "schema":{"type":"ref","name":"0"}})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::shared_ptr<const schema::Model> model = schema::Model::compile(kSpec).value();
  const std::string body(reinterpret_cast<const char*>(data), size);
  json::Arena arena;
  const auto value = schema::validate_body(*model, body, true, arena);
  if (!value) {
    return 0;
  }
  std::string first;
  std::string second;
  if (!json::write(first, *value, json::Style::kPydantic)) {
    std::abort();
  }
  // Extra members may repeat a field's output key or hold NaN, which is written as null: only the second
  // round is stable.
  const auto again = schema::validate_body(*model, first, true, arena);
  if (!again || !json::write(second, *again, json::Style::kPydantic) || first != second) {
    std::abort();
  }
  return 0;
}
