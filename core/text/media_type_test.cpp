// The same as email.message.Message, by which FastAPI judges a Content-Type.
#include "text/media_type.hpp"

#include <gtest/gtest.h>

namespace data_bridge::text {
namespace {

TEST(MediaType, IsWhatStandsBeforeTheParameters) {
  EXPECT_EQ(media_type(""), "");
  EXPECT_EQ(media_type("Text/Plain"), "Text/Plain");
  EXPECT_EQ(media_type("\t text/plain ; charset=\"a;b\""), "text/plain");
  EXPECT_EQ(media_type("\xA0text/plain\x85"), "text/plain");
  EXPECT_EQ(media_type(";text/plain"), "");
}

TEST(MediaType, JsonAndItsDialects) {
  for (const std::string_view type :
       {"application/json", " Application/JSON ;charset=\"x", "application/merge-patch+json", "application/+json",
        "application/json\xA0", "APPLICATION/HAL+Json;a=/"}) {
    EXPECT_TRUE(is_json(type)) << type;
  }
  for (const std::string_view type :
       {"", "text/json", "application/jsonx", "\"application/json\"", "json", "/json", "application/json, text/plain",
        "application", "application/json/x", "application/json+", "application/ json", "text/x+json"}) {
    EXPECT_FALSE(is_json(type)) << type;
  }
}

}  // namespace
}  // namespace data_bridge::text
