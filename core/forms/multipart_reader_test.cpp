// Forms cut at every place, and all that is left to another parser with nothing lost.
#include "forms/multipart_reader.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "forms/test_support.hpp"

namespace data_bridge::forms {
namespace {

std::string part(std::string_view name, std::string_view data, std::string_view filename = {}) {
  std::string text = "--b\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"";
  if (!filename.empty()) text += "; filename=\"" + std::string(filename) + "\"\r\nContent-Type: text/plain";
  return text + "\r\n\r\n" + std::string(data) + "\r\n";
}

const std::string kForm = part("a", "1") + part("f", "\r\n-\r\n--\r\n--a\r\r\n\r", "f.txt") + part("a", "") + "--b--";

struct Outcome {
  Keeper keeper;
  Status status = Status::kMore;
  bool complete = false;
  std::string fed;   // until it was irregular
  std::string body;  // what was kept, and held
};

Outcome read(const std::vector<std::string_view>& pieces, Limits limits = {}) {
  MultipartReader reader("b", limits);
  Outcome outcome;
  for (const std::string_view piece : pieces) {
    if (outcome.status == Status::kIrregular) break;
    outcome.fed += piece;
    outcome.status = reader.feed(piece, outcome.keeper);
  }
  outcome.complete = reader.complete();
  outcome.body = outcome.keeper.body(reader);
  return outcome;
}

std::vector<std::string_view> in_steps(std::string_view body, std::size_t step) {
  std::vector<std::string_view> pieces;
  for (std::size_t at = 0; at < body.size(); at += step) pieces.push_back(body.substr(at, step));
  return pieces;
}

void expect_form(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, Status::kMore);
  EXPECT_TRUE(outcome.complete);
  EXPECT_EQ(outcome.body, kForm);
  ASSERT_EQ(outcome.keeper.parts.size(), 3U);
  EXPECT_EQ(outcome.keeper.parts[0].data, "1");
  EXPECT_EQ(outcome.keeper.parts[1].data, "\r\n-\r\n--\r\n--a\r\r\n\r");
  EXPECT_EQ(outcome.keeper.parts[1].head.filename, "f.txt");
  EXPECT_EQ(outcome.keeper.parts[2].data, "");
  EXPECT_TRUE(outcome.keeper.parts[2].ended);
}

TEST(MultipartReader, ReadsAFormCutAnywhere) {
  for (std::size_t cut = 0; cut <= kForm.size(); ++cut) {
    expect_form(read({std::string_view(kForm).substr(0, cut), std::string_view(kForm).substr(cut)}));
  }
  for (std::size_t step = 1; step < kForm.size(); ++step) expect_form(read(in_steps(kForm, step)));
}

TEST(MultipartReader, IgnoresTheEpilogue) {
  for (const std::string_view epilogue : {"\r\n", "\r\nmore", "x", "--b\r\n"}) {
    expect_form(read({kForm, epilogue}));
    expect_form(read(in_steps(kForm + std::string(epilogue), 3)));
  }
}

TEST(MultipartReader, FindsDelimitersInLongData) {
  std::string data(100'000, 'x');
  for (std::size_t i = 0; i < data.size(); i += 97) data.replace(i, 4, "\r\n--");
  const std::string form = part("f", data, "f") + "--b--\r\n";
  for (const std::size_t step : std::initializer_list<std::size_t>{1, 7, 511, 512, 513, 4096, 65536, 200'000}) {
    const Outcome outcome = read(in_steps(form, step));
    ASSERT_EQ(outcome.keeper.parts.size(), 1U);
    EXPECT_EQ(outcome.keeper.parts[0].data, data) << step;
    EXPECT_TRUE(outcome.complete);
  }
}

TEST(MultipartReader, LeavesWhatIsUnusual) {
  for (const std::string& body :
       {std::string("\r\n") + kForm, "preamble\r\n" + kForm, std::string("--b--\r\n"), std::string("--c\r\n"),
        std::string("--bc\r\n"), std::string("--b \r\n"), part("a", "1\r\n--bc"), part("a", "1\r\n--b "),
        part("a", "1\r\n--b\rx"), part("a", "1\r\n--b-x"), std::string("--b\r\n\r\n1\r\n--b--"),
        std::string("--b\r\nX: 1\r\n\r\n1\r\n--b--"), part("a", "1") + "--b\r\nContent-Disposition: form-data\r\n\r\n",
        "--b\r\nX: " + std::string(5000, 'x'), part("\xE9", "1")}) {
    for (const std::size_t step : std::initializer_list<std::size_t>{1, 2, 3, 1000, 10'000}) {
      const Outcome outcome = read(in_steps(body, step));
      EXPECT_EQ(outcome.status, Status::kIrregular) << body;
      EXPECT_EQ(outcome.body, outcome.fed) << body;
    }
  }
}

TEST(MultipartReader, KeepsToItsLimits) {
  const Limits limits{.max_files = 1, .max_fields = 2, .max_part_size = 3};
  const std::string good = part("a", "123") + part("a", "") + part("f", "1234", "f");
  for (const std::size_t step : std::initializer_list<std::size_t>{1, 5, 1000}) {
    EXPECT_EQ(read(in_steps(good + "--b--", step), limits).status, Status::kMore);
    for (const std::string& body : {good + part("a", ""), good + part("f", "", "f"), part("a", "1234")}) {
      const Outcome outcome = read(in_steps(body, step), limits);
      EXPECT_EQ(outcome.status, Status::kIrregular);
      EXPECT_EQ(outcome.body, outcome.fed);
    }
  }
}

TEST(MultipartReader, IsIncompleteWithoutAnEnd) {
  for (std::size_t size = 0; size < kForm.size(); ++size) {
    const Outcome outcome = read({std::string_view(kForm).substr(0, size)});
    EXPECT_EQ(outcome.status, Status::kMore);
    EXPECT_FALSE(outcome.complete);
    EXPECT_EQ(outcome.body, outcome.fed);
  }
}

}  // namespace
}  // namespace data_bridge::forms
