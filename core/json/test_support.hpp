// What the tests of values share.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "json/value.hpp"
#include "json/writer.hpp"

namespace data_bridge::json {

inline std::string text_of(const Value& value) {
  std::string out;
  EXPECT_TRUE(write(out, value, Style::kPydantic));
  return out;
}

}  // namespace data_bridge::json
