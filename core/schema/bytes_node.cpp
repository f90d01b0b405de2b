// The validator of bytes (pydantic-core, src/validators/bytes.rs).
#include "schema/bytes_node.hpp"

#include "schema/lengths.hpp"

namespace data_bridge::schema {

namespace {

constexpr TextWords kWords{
    .too_short = "bytes_too_short", .too_long = "bytes_too_long", .subject = "Data", .unit = "byte"};

}  // namespace

bool BytesNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (strict_ || !input.is_string()) {
    return state.fail("bytes_type", "Input should be a valid bytes", input);
  }
  if (input.has_surrogates()) {
    return state.fail("string_unicode", "Input should be a valid string, unable to parse raw data as a unicode string",
                      input);
  }
  if (!check_text_length(state, input, kWords, input.as_string().size(), min_length_, max_length_)) {
    return false;
  }
  state.floor_exactness(Exactness::kLax);
  out = input;
  return true;
}

}  // namespace data_bridge::schema
