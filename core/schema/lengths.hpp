// What is said of what is too short or too long: containers, and text.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "schema/node.hpp"

namespace data_bridge::schema {

/// too_long or too_short of a container that Pydantic calls `type`. Returns false.
bool fail_length(State& state, const json::Value& input, std::string_view type, bool too_long, std::size_t bound,
                 std::size_t actual);

/// too_long where nobody has counted to the end. Returns false.
bool fail_too_many(State& state, const json::Value& input, std::string_view type, std::size_t bound);

/// What messages call a kind of text.
struct TextWords {
  std::string_view too_short, too_long;  ///< types of errors; static
  std::string_view subject;              ///< "String", which should have
  std::string_view unit;                 ///< "character", of which more have an s
};

/// False after state.fail(), where `length` is not within the limits.
bool check_text_length(State& state, const json::Value& input, const TextWords& words, std::size_t length,
                       const std::optional<std::size_t>& min_length, const std::optional<std::size_t>& max_length);

}  // namespace data_bridge::schema
