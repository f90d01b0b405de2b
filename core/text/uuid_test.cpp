// The forms that the Rust crate uuid takes, as Pydantic does.
#include "text/uuid.hpp"

#include <gtest/gtest.h>

namespace data_bridge::text {
namespace {

TEST(ParseUuid, EveryFormHasOneText) {
  for (const std::string_view form : {"01234567-89ab-cdef-0123-456789abcdef", "01234567-89AB-CDEF-0123-456789ABCDEF",
                                      "0123456789abcdef0123456789abcdef", "{01234567-89ab-cdef-0123-456789abcdef}",
                                      "urn:uuid:01234567-89ab-cdef-0123-456789abcdef"}) {
    const auto uuid = parse_uuid(form);
    ASSERT_TRUE(uuid) << form;
    EXPECT_EQ(std::string_view(uuid->data(), uuid->size()), "01234567-89ab-cdef-0123-456789abcdef") << form;
  }
}

TEST(ParseUuid, ExplainsWhatItDoesNotTake) {
  const auto reason = [](std::string_view text) { return parse_uuid(text).error(); };
  EXPECT_EQ(reason("not-a-uuid"), "invalid character: found `n` at 0");
  EXPECT_EQ(reason("01234567-89ab-cdef-0123-456789abcdeg"), "invalid character: found `g` at 35");
  EXPECT_EQ(reason("0123"), "invalid length: found 4");
  EXPECT_EQ(reason("01234567-89ab-cdef-0123456789abcdef"), "invalid group count: expected 5, found 4");
  EXPECT_EQ(reason("0123456-789ab-cdef-0123-456789abcdef"), "invalid group length in group 0: expected 8, found 7");
  EXPECT_EQ(reason("{0123456789abcdef0123456789abcdef}"), "invalid group count: expected 5, found 1");
}

}  // namespace
}  // namespace data_bridge::text
