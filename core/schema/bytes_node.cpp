// The validator of bytes (pydantic-core, src/validators/bytes.rs).
#include "schema/bytes_node.hpp"

#include <string>

#include "json/writer.hpp"

namespace data_bridge::schema {

namespace {

std::string length_message(std::string_view bound, std::size_t length) {
  std::string message("Data should have at ");
  message.append(bound).push_back(' ');
  json::append_int(message, static_cast<std::int64_t>(length));
  return message.append(length == 1 ? " byte" : " bytes");
}

json::Value count(std::size_t length) { return json::Value::integer(static_cast<std::int64_t>(length)); }

}  // namespace

bool BytesNode::validate(const json::Value& input, State& state, json::Value& out) const {
  if (strict_ || !input.is_string()) {
    return state.fail("bytes_type", "Input should be a valid bytes", input);
  }
  if (input.has_surrogates()) {
    return state.fail("string_unicode", "Input should be a valid string, unable to parse raw data as a unicode string",
                      input);
  }
  const std::size_t length = input.as_string().size();
  if (min_length_ && length < *min_length_) {
    return state.fail("bytes_too_short", length_message("least", *min_length_), input,
                      {{"min_length", count(*min_length_)}});
  }
  if (max_length_ && length > *max_length_) {
    return state.fail("bytes_too_long", length_message("most", *max_length_), input,
                      {{"max_length", count(*max_length_)}});
  }
  out = input;
  return true;
}

}  // namespace data_bridge::schema
