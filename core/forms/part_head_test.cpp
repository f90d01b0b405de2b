// Content types and heads of parts as clients write them, and as they do not.
#include "forms/part_head.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace data_bridge::forms {
namespace {

TEST(PartHead, FindsTheBoundary) {
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=b"), "b");
  EXPECT_EQ(multipart_boundary("multipart/form-data;boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW"),
            "----WebKitFormBoundary7MA4YWxkTrZu0gW");
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=\"a.b'c+d\""), "a.b'c+d");
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=" + std::string(70, 'b')), std::string(70, 'b'));
}

TEST(PartHead, LeavesOtherTypes) {
  for (const std::string_view type :
       {"", "multipart/form-data", "multipart/form-data;", "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"", "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=a b",
        "multipart/form-data; boundary=b; charset=utf-8", "multipart/form-data; charset=utf-8; boundary=b",
        "Multipart/Form-Data; boundary=b", "multipart/form-data; Boundary=b", "multipart/mixed; boundary=b",
        "multipart/form-data; boundary=a\"b", "multipart/form-data; boundary=\"a\\b\"",
        "multipart/form-data; boundary=\xC3\xA9", "application/x-www-form-urlencoded"}) {
    EXPECT_FALSE(multipart_boundary(type)) << type;
  }
  EXPECT_FALSE(multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'b')));
}

TEST(PartHead, KnowsUrlencoded) {
  EXPECT_TRUE(is_urlencoded("application/x-www-form-urlencoded"));
  EXPECT_TRUE(is_urlencoded("application/x-www-form-urlencoded; charset=UTF-8"));
  EXPECT_FALSE(is_urlencoded("application/x-www-form-urlencoded-2"));
  EXPECT_FALSE(is_urlencoded("application/x-www-form-urlencoded;"));
  EXPECT_FALSE(is_urlencoded("application/x-www-form-urlencoded; charset=latin-1"));
}

TEST(PartHead, ReadsFieldsAndFiles) {
  const auto field = read_part_head("Content-Disposition: form-data; name=\"a; b\"\r\n");
  ASSERT_TRUE(field);
  EXPECT_EQ(field->name, "a; b");
  EXPECT_FALSE(field->filename);
  const auto file = read_part_head(
      "content-type:   text/plain; x=\"y\" \r\nContent-Disposition: form-data;filename=\"\xC3\xA9.txt\"; name=\"f\"\r\n"
      "X-More: 1\r\n");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->name, "f");
  EXPECT_EQ(file->filename, "\xC3\xA9.txt");
  ASSERT_EQ(file->fields.size(), 3U);
  EXPECT_EQ(file->fields[0].first, "content-type");
  EXPECT_EQ(file->fields[0].second, "text/plain; x=\"y\" ");
  EXPECT_EQ(file->fields[2].first, "x-more");
}

TEST(PartHead, LeavesWhatIsUnusual) {
  const std::string good = "Content-Disposition: form-data; name=\"a\"";
  for (const std::string& head : {std::string(),
                                  std::string("X: 1\r\n"),
                                  good,
                                  good + "\r\n" + good + "\r\n",
                                  good + "\r\nX:\r\n",
                                  good + "\r\nX\r\n",
                                  good + "\r\n: 1\r\n",
                                  good + "\r\nX_Y: 1\r\n",
                                  good + "\r\nX: a\tb\r\n",
                                  good + "\r\nX: a\nY: b\r\n",
                                  good + "; name=\"b\"\r\n",
                                  good + "; filename=\"b\"; filename=\"c\"\r\n",
                                  good + "; filename*=utf-8''a\r\n",
                                  good + "; filename=\"a\\\"b\"\r\n",
                                  good + "; filename=a\r\n",
                                  good + "; filename=\"a\r\n",
                                  good + " \r\n",
                                  good + ";\r\n",
                                  good + "; filename=\"\xE9\"\r\n",
                                  std::string("Content-Disposition: form-data; filename=\"a\"\r\n"),
                                  std::string("Content-Disposition: form-data\r\n"),
                                  std::string("Content-Disposition: file; name=\"a\"\r\n"),
                                  std::string("Content-Disposition: form-data; Name=\"a\"\r\n")}) {
    EXPECT_FALSE(read_part_head(head)) << head;
  }
}

TEST(PartHead, KeepsToItsLimit) {
  std::string head = "Content-Disposition: form-data; name=\"a\"\r\n";
  for (std::size_t i = 1; i < kMaxPartFields; ++i) head += "X: 1\r\n";
  EXPECT_TRUE(read_part_head(head));
  EXPECT_FALSE(read_part_head(head + "X: 1\r\n"));
}

}  // namespace
}  // namespace data_bridge::forms
