// Merge patches, also of those who choose the keys.
#include "json/merge_patch.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "json/parser.hpp"
#include "json/test_support.hpp"

namespace data_bridge::json {
namespace {

// The examples of RFC 7396, appendix A.
TEST(MergePatch, Rfc7396) {
  const std::string_view cases[][3] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", R"(null)", R"(null)"},
      {R"({"a":"foo"})", R"("bar")", R"("bar")"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
  };
  for (const auto& [target, patch, expected] : cases) {
    Arena arena;
    EXPECT_EQ(text_of(merge_patch(*parse(target, arena), *parse(patch, arena), arena)), expected)
        << target << " + " << patch;
  }
}

TEST(MergePatch, LargeObjectsTakeTheIndex) {
  std::string target = "{";
  std::string patch = "{";
  std::string expected = "{";
  for (int i = 0; i < 40; ++i) {
    const std::string key = (i ? ",\"" : "\"") + std::to_string(i) + "\":";
    target += key + "1";
    patch += key + (i % 2 ? "null" : "2");
    if (i % 2 == 0) {
      expected += key + "2";
    }
  }
  Arena arena;
  EXPECT_EQ(text_of(merge_patch(*parse(target + "}", arena), *parse(patch + ",\"new\":3}", arena), arena)),
            expected + ",\"new\":3}");
}

// 16 bytes each, all with the same std::hash of libstdc++ (its MurmurHash64A has no key and can be run backwards).
std::vector<std::string> colliding_keys(std::size_t count) {
  constexpr std::uint64_t kFactor = (std::uint64_t{0xc6a4a793} << 32) + 0x5bd1e995;
  constexpr std::uint64_t kTarget = 0x1234567890abcdef;
  std::uint64_t inverse = kFactor;
  for (int i = 0; i < 6; ++i) {
    inverse *= 2 - kFactor * inverse;
  }
  const auto mix = [](std::uint64_t value) { return value ^ (value >> 47); };
  const std::uint64_t seed = 0xc70f6907 ^ (16 * kFactor);
  std::vector<std::string> keys;
  for (std::uint64_t first = 0; first < count; ++first) {
    const std::uint64_t before = (seed ^ (mix(first * kFactor) * kFactor)) * kFactor;
    const std::uint64_t second = mix((before ^ (kTarget * inverse)) * inverse) * inverse;
    std::string key(16, '\0');
    std::memcpy(key.data(), &first, 8);
    std::memcpy(key.data() + 8, &second, 8);
    keys.push_back(std::move(key));
  }
  return keys;
}

TEST(MergePatch, ChosenKeysCostNoMoreThanOthers) {
  const std::vector<std::string> keys = colliding_keys(60'000);
  std::vector<Member> old;
  std::vector<Member> changes;
  for (const std::string& key : keys) {
    old.push_back({Value::string(key), Value::integer(1)});
    changes.push_back({Value::string(key), Value::integer(2)});
  }
  Arena arena;
  const auto begin = std::chrono::steady_clock::now();
  const Value merged = merge_patch(Value::object(old), Value::object(changes), arena);
  // 20 ms; through a hash table whose keys all fall on one place it was 10 s.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(3));
  ASSERT_EQ(merged.members().size(), keys.size());
  for (const Member& member : merged.members()) {
    ASSERT_EQ(member.value.as_int(), 2);
  }
}

}  // namespace
}  // namespace data_bridge::json
