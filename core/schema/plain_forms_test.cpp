// What is plain, and what is left to Python: tests/crud/test_plain_values.py has both say what Pydantic says.
#include "schema/plain_forms.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "json/parser.hpp"
#include "schema/body.hpp"
#include "schema/model.hpp"

namespace data_bridge::schema {
namespace {

using Reading = PlainForm::Reading;

std::string read(const PlainForm& form, std::string_view text) {
  std::string changed;
  switch (form.read(text, changed)) {
    case Reading::kAsItIs:
      return "same";
    case Reading::kChanged:
      return changed;
    case Reading::kUnsure:
      break;
  }
  return "unsure";
}

TEST(PlainForms, Emails) {
  const PlainEmail form({"test", "local"}, {"postmaster", "info"});
  for (const char* same : {"a@b.co", "First.Last+tag@mail.example.com", "o'neill_{x}@a-b.c1.org", "info@x.de"}) {
    EXPECT_EQ(read(form, same), "same") << same;
  }
  EXPECT_EQ(read(form, "Ann@Example.COM"), "Ann@example.com");
  for (const char* unsure : {"",
                             "@",
                             "a",
                             "a@",
                             "@b.co",
                             "a@b",
                             "a@b.1",
                             "a@b.c1",
                             "a@b..co",
                             "a@.b.co",
                             "a@b.co.",
                             "a@-b.co",
                             "a@b-.co",
                             "a@xn--b.co",
                             "a@ab--c.co",
                             ".a@b.co",
                             "a.@b.co",
                             "a..b@b.co",
                             "a b@b.co",
                             " a@b.co",
                             "a@b.co ",
                             "A <a@b.co>",
                             "\"a\"@b.co",
                             "a@[127.0.0.1]",
                             "a@b@c.co",
                             "\xC3\xA4@b.co",
                             "a@\xC3\xA4.co",
                             "a@b.test",
                             "a@x.local",
                             "Info@x.de",
                             "PostMaster@x.de"}) {
    EXPECT_EQ(read(form, unsure), "unsure") << unsure;
  }
  EXPECT_EQ(read(form, "a@notlocal.xlocal"), "same");
  EXPECT_EQ(read(form, std::string(64, 'a') + "@b.co"), "same");
  EXPECT_EQ(read(form, std::string(65, 'a') + "@b.co"), "unsure");
  EXPECT_EQ(read(form, "a@" + std::string(63, 'b') + ".co"), "same");
  EXPECT_EQ(read(form, "a@" + std::string(64, 'b') + ".co"), "unsure");
}

TEST(PlainForms, Urls) {
  const PlainUrl form({"http", "https"}, "/");
  for (const char* same : {"http://example.com/", "https://a.b-c.example/x/Y_1.html?q=a%20b&c=d/e?", "http://a.bc/x?",
                           "https://example.com/@x/~y;z,w:v!$&'()*+="}) {
    EXPECT_EQ(read(form, same), "same") << same;
  }
  EXPECT_EQ(read(form, "https://example.com"), "https://example.com/");
  EXPECT_EQ(read(PlainUrl({"http"}, ""), "http://example.com"), "same");
  EXPECT_EQ(read(PlainUrl({"http"}, ""), "https://example.com"), "unsure");
  for (const char* unsure : {"",
                             "http",
                             "http://",
                             "http:///x",
                             "ftp://example.com/",
                             "HTTP://example.com/",
                             "http://Example.com/",
                             "http://localhost/",
                             "http://127.0.0.1/",
                             "http://1.2.3.0x7f/",
                             "http://[::1]/",
                             "http://example.com:80/",
                             "http://u@example.com/",
                             "http://example.com/#x",
                             "http://example.com/a b",
                             "http://example.com/a\\b",
                             "http://example.com/./x",
                             "http://example.com/x/..",
                             "http://example.com/%2e/x",
                             "http://example.com?q=1",
                             "http://example.com/?q='",
                             "http://example.com/\"",
                             "http://example.com/{x}",
                             " http://example.com/",
                             "http://xn--a.com/",
                             "http://a_b.com/",
                             "http://example.com./",
                             "http://example.com/\xC3\xA4"}) {
    EXPECT_EQ(read(form, unsure), "unsure") << unsure;
  }
  EXPECT_EQ(read(form, "http://example.com/" + std::string(2100, 'a')), "unsure");
}

TEST(PlainForms, LengthsAreOfWhatComesOut) {
  const PlainWithin form(std::make_unique<PlainUrl>(std::vector<std::string>{"http"}, "/"), 14, 16);
  EXPECT_EQ(read(form, "http://a.bcd"), "unsure");
  EXPECT_EQ(read(form, "http://ab.bcd"), "http://ab.bcd/");
  EXPECT_EQ(read(form, "http://ab.bcd/12"), "same");
  EXPECT_EQ(read(form, "http://ab.bcd/123"), "unsure");
  EXPECT_EQ(read(form, "http://ab.bcd/{}"), "unsure");
}

TEST(PlainForms, Addresses) {
  const PlainAddress both(true, true);
  for (const char* const text : {"0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "1::", "fe80::1",
                                 "2001:db8::1:0:0:1", "2001:db8:0:1:1:1:1:1", "1:2:3:4:5:6:7:8", "0:1::"}) {
    EXPECT_EQ(read(both, text), "same") << text;
  }
  for (const char* const text : {"",
                                 "1.2.3",
                                 "1.2.3.4.5",
                                 "01.2.3.4",
                                 "256.1.1.1",
                                 "1.2.3.4 ",
                                 "1..3.4",
                                 "1.2.3.-4",
                                 ":",
                                 ":::",
                                 "1",
                                 "1:2:3:4:5:6:7",
                                 "1:2:3:4:5:6:7:8:9",
                                 "FE80::1",
                                 "::01",
                                 "2001:db8::0:1",
                                 "1:0:0:0:2::",
                                 "1:2:3:4:5:6:7::",
                                 "::2:3:4:5:6:7:8",
                                 "1::2::3",
                                 "::1%eth0",
                                 "::1.2.3.4",
                                 "::ffff:102:304",
                                 "::ffff:0:1",
                                 "2001:0:0:1:0:0:0:1",
                                 "2001::1:0:0:0:1",
                                 "1:",
                                 ":1",
                                 "g::",
                                 "12345::"}) {
    EXPECT_EQ(read(both, text), "unsure") << text;
  }
  EXPECT_EQ(read(PlainAddress(true, false), "::1"), "unsure");
  EXPECT_EQ(read(PlainAddress(false, true), "1.2.3.4"), "unsure");
}

TEST(PlainForms, Paths) {
  for (const char* const text : {"/", "a", "/a", "a/b", "/a/b.txt", "..", "../a", "a/..", "~", "a b", "\\", "..."}) {
    EXPECT_EQ(read(PlainPath(), text), "same") << text;
  }
  for (const char* const text : {"", ".", "./a", "a/.", "a/./b", "a/", "//", "//a", "a//b", "\xC3\xA4", "a\n"}) {
    EXPECT_EQ(read(PlainPath(), text), "unsure") << text;
  }
}

// Of one value that is undecided the whole input is, whatever else is wrong with it.
TEST(PlainForms, WhatIsUndecidedHasNoOtherErrors) {
  const auto model = *Model::compile(
      R"({"version":1,"dialect":{"max_depth":900},"definitions":{},"schema":{"type":"model","name":"M","extra":"ignore","fields":[)"
      R"({"name":"n","keys":["n"],"output_key":"n","schema":{"type":"int"}},)"
      R"({"name":"d","keys":["d"],"output_key":"d","default":null,"schema":{"type":"nullable","schema":{"type":"date","now":"past"}}},)"
      R"({"name":"e","keys":["e"],"output_key":"e","schema":{"type":"opaque","kind":"json","inner":{"type":"str","max_length":20},"plain":{"type":"email","reserved":[],"mailboxes":[]}}}]}})");
  ASSERT_TRUE(model->may_be_undecided());
  const auto errors_of = [&](std::string_view body) -> std::string {
    json::Arena arena;
    const auto result = model->validate(*json::parse(body, arena), arena);
    if (result) return "none";
    if (is_undecided(result.error())) return "undecided";
    std::string types;
    for (const Error& error : result.error()) types.append(error.type).append(" ");
    return types;
  };
  EXPECT_EQ(errors_of(R"({"n":1,"e":"a@b.co"})"), "none");
  EXPECT_EQ(errors_of(R"({"n":1,"e":"a@b.co","d":"2001-01-01"})"), "none");
  EXPECT_EQ(errors_of(R"({"n":"x","e":"a@b.co"})"), "int_parsing ");
  EXPECT_EQ(errors_of(R"({"n":1,"e":7})"), "string_type ");
  EXPECT_EQ(errors_of(R"({"n":1,"e":"aaaaaaaaaaaaaaaaaaaaaaaaa@b.co"})"), "string_too_long ");
  EXPECT_EQ(errors_of(R"({"n":"x","e":"a@b"})"), "undecided");
  EXPECT_EQ(errors_of(R"({"n":1,"e":"a@b.co","d":"2999-01-01"})"), "undecided");
  RequestErrors errors;
  EXPECT_TRUE(errors.empty());
  errors.add(undecided(), "body");
  EXPECT_FALSE(errors.empty());
  EXPECT_TRUE(errors.undecided());
}

}  // namespace
}  // namespace data_bridge::schema
