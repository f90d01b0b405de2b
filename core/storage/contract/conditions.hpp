// Every operator on every kind of value.
#pragma once

#include <string>

#include "storage/contract/fixture.hpp"

namespace data_bridge::storage::contract {

const Cell kNull;

TEST_P(StoreContract, NullIsTheLeastAndDifferentFromEveryValue) {
  const auto items = open_table(*store_, things());
  add(*items, thing({{kName, "a"}}));
  add(*items, thing({{kName, "b"}}));
  add(*items, thing());
  const auto name = [&](Operator op, std::vector<Cell> values) {
    return where(*items, test(field(kName), op, std::move(values)));
  };
  EXPECT_EQ(name(Operator::kEqual, {"a"}), (Ids{1}));
  EXPECT_EQ(name(Operator::kEqual, {kNull}), (Ids{3}));
  EXPECT_EQ(name(Operator::kNotEqual, {"a"}), (Ids{2, 3}));
  EXPECT_EQ(name(Operator::kNotEqual, {kNull}), (Ids{1, 2}));
  EXPECT_EQ(name(Operator::kLess, {"b"}), (Ids{1}));
  EXPECT_EQ(name(Operator::kLessEqual, {"b"}), (Ids{1, 2}));
  EXPECT_EQ(name(Operator::kGreater, {"a"}), (Ids{2}));
  EXPECT_EQ(name(Operator::kGreaterEqual, {"a"}), (Ids{1, 2}));
  EXPECT_EQ(name(Operator::kIn, {"a", "x"}), (Ids{1}));
  EXPECT_EQ(name(Operator::kIn, {"a", kNull}), (Ids{1, 3}));
  EXPECT_EQ(name(Operator::kIn, {kNull}), (Ids{3}));
  EXPECT_EQ(name(Operator::kIn, {}), (Ids{}));
  EXPECT_EQ(name(Operator::kNotIn, {"a"}), (Ids{2, 3}));
  EXPECT_EQ(name(Operator::kNotIn, {"a", kNull}), (Ids{2}));
  EXPECT_EQ(name(Operator::kNotIn, {kNull}), (Ids{1, 2}));
  EXPECT_EQ(name(Operator::kNotIn, {}), (Ids{1, 2, 3}));
  EXPECT_EQ(name(Operator::kIsNull, {std::int64_t{1}}), (Ids{3}));
  EXPECT_EQ(name(Operator::kIsNull, {std::int64_t{0}}), (Ids{1, 2}));
  for (const Operator op :
       {Operator::kContains, Operator::kContainsAnyCase, Operator::kStartsWith, Operator::kEndsWith}) {
    EXPECT_EQ(name(op, {""}), (Ids{1, 2}));
  }
}

TEST_P(StoreContract, ConditionsAreTrees) {
  const auto items = open_table(*store_, things());
  add(*items, thing({{kName, "a"}, {kNumber, std::int64_t{1}}}));
  add(*items, thing({{kName, "a"}, {kNumber, std::int64_t{2}}}));
  add(*items, thing());
  const Condition a = test(field(kName), Operator::kEqual, {"a"});
  const Condition one = test(field(kNumber), Operator::kEqual, {std::int64_t{1}});
  const Condition less = test(field(kNumber), Operator::kLess, {std::int64_t{2}});
  EXPECT_EQ(where(*items, {.type = Condition::Type::kAll, .parts = {a, one}}), (Ids{1}));
  EXPECT_EQ(where(*items, {.type = Condition::Type::kAny, .parts = {one, a}}), (Ids{1, 2}));
  EXPECT_EQ(where(*items, {.type = Condition::Type::kAll, .parts = {}}), (Ids{1, 2, 3}));
  EXPECT_EQ(where(*items, {.type = Condition::Type::kAny, .parts = {}}), (Ids{}));
  EXPECT_EQ(where(*items, negation(less)), (Ids{2, 3}));
  EXPECT_EQ(where(*items, negation(negation(less))), (Ids{1}));
  EXPECT_EQ(where(*items, negation({.type = Condition::Type::kAll, .parts = {a, less}})), (Ids{2, 3}));
  EXPECT_EQ(where(*items, negation({.type = Condition::Type::kAny, .parts = {less, negation(a)}})), (Ids{2}));
}

TEST_P(StoreContract, PartsOfTextsAreFoundLetterByLetter) {
  using namespace std::string_literals;
  const auto items = open_table(*store_, things());
  add(*items, thing({{kName, "Stra\xC3\x9F\x65 100%"}}));
  add(*items, thing({{kName, "a\0b"s}}));
  add(*items, thing({{kName, "A_B"}}));
  add(*items, thing({{kName, "\xF0\x9F\x98\x80"}}));
  const auto name = [&](Operator op, std::string part) {
    return where(*items, test(field(kName), op, {Cell(std::move(part))}));
  };
  EXPECT_EQ(name(Operator::kContains, "%"), (Ids{1}));
  EXPECT_EQ(name(Operator::kContains, "_"), (Ids{3}));
  EXPECT_EQ(name(Operator::kContains, "b"), (Ids{2}));
  EXPECT_EQ(name(Operator::kContains, ""), (Ids{1, 2, 3, 4}));
  EXPECT_EQ(name(Operator::kContainsAnyCase, "STRASSE"), (Ids{1}));
  EXPECT_EQ(name(Operator::kContainsAnyCase, "b"), (Ids{2, 3}));
  EXPECT_EQ(name(Operator::kStartsWith, "a\0"s), (Ids{2}));
  EXPECT_EQ(name(Operator::kStartsWith, "\xF0\x9F\x98\x80"), (Ids{4}));
  EXPECT_EQ(name(Operator::kEndsWith, "\0b"s), (Ids{2}));
  EXPECT_EQ(name(Operator::kEndsWith, "_B"), (Ids{3}));
  EXPECT_EQ(name(Operator::kEqual, "a"), (Ids{}));
  EXPECT_EQ(name(Operator::kGreater, "\xEF\xBF\xBD"), (Ids{4}));  // by code points, not by UTF-16
}

TEST_P(StoreContract, ValuesCompareAsWhatTheyAre) {
  const auto items = open_table(*store_, things());
  /// For each kind: one value in two spellings, then the next greater.
  struct Kind {
    Place place;
    Cell less, same, greater;
  };
  const std::vector<Kind> kinds{
      {kName, "A", "A", "a"},
      {kPrice, 2.0, 2.0, 10.5},
      {kNumber, std::int64_t{9007199254740992}, std::int64_t{9007199254740992}, std::int64_t{9007199254740993}},
      {kFlag, std::int64_t{0}, std::int64_t{0}, std::int64_t{1}},
      {kMade, "2024-01-31T10:00:00Z", "2024-01-31T15:30:00+05:30", "2024-01-31T10:00:00.000001"},
      {kDay, "2024-01-31", "2024-01-31", "2024-02-01"},
      {kHour, "09:00:00+02:00", "07:00:00", "08:00:00Z"},
      {kTook, "PT24H", "P1D", "P1DT0.5S"},
      {kCost, "1.10", "1.1", "10"},
      {kBig, "9223372036854775808", "9223372036854775808", "100000000000000000000"},
      {kTicket, "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000a",
       "00000000-0000-4000-8000-00000000000b"}};
  for (const Kind& kind : kinds) {
    const std::int64_t first = add(*items, thing({{kind.place, kind.less}}));
    const std::int64_t second = add(*items, thing({{kind.place, kind.same}}));
    const std::int64_t third = add(*items, thing({{kind.place, kind.greater}}));
    const auto all = [&](Operator op, std::vector<Cell> values) {
      return where(*items, test(field(kind.place), op, std::move(values)));
    };
    SCOPED_TRACE(things().columns[kind.place].name);
    EXPECT_EQ(all(Operator::kEqual, {kind.same}), (Ids{first, second}));
    EXPECT_EQ(all(Operator::kIn, {kind.less}), (Ids{first, second}));
    EXPECT_EQ(all(Operator::kLess, {kind.greater}), (Ids{first, second}));
    EXPECT_EQ(all(Operator::kLess, {kind.same}), (Ids{}));
    EXPECT_EQ(all(Operator::kLessEqual, {kind.same}), (Ids{first, second}));
    EXPECT_EQ(all(Operator::kGreater, {kind.same}), (Ids{third}));
    EXPECT_EQ(all(Operator::kGreaterEqual, {kind.less}), (Ids{first, second, third}));
    const Condition present = test(field(kind.place), Operator::kIsNull, {std::int64_t{0}});
    EXPECT_EQ(
        ids(*items, {.condition = present, .sort = {descending(field(kind.place)), ascending(field(kId))}, .limit = 9}),
        (Ids{third, first, second}));
  }
}

TEST_P(StoreContract, ValuesInsideOfDocuments) {
  const auto items = open_table(*store_, things());
  const auto document = [&](std::string text) { return add(*items, thing({{kDocument, Cell(std::move(text))}})); };
  document(R"({"city":"Oslo","n":12345678901234567890,"tags":["a","5"],"at":null,"on":true,"x":1.5})");
  document(R"({"city":"Bergen","n":7,"tags":[],"at":"2024-01-31T10:00:00Z","on":false,"x":3,"deep":{"er":"y"}})");
  add(*items, thing());
  document(R"({"city":"a\u0000\"","n":0,"tags":["a\u0000\""],"numbers":[5,12345678901234567890],"x":-0.0})");
  const auto all = [&](Field of, Operator op, std::vector<Cell> values) {
    return where(*items, test(std::move(of), op, std::move(values)));
  };
  const Field city = inner("city", ColumnKind::kText);
  const Field n = inner("n", ColumnKind::kInteger);
  const Field at = inner("at", ColumnKind::kDatetime);
  const std::string hard("a\0\"", 3);
  EXPECT_EQ(all(city, Operator::kEqual, {"Oslo"}), (Ids{1}));
  EXPECT_EQ(all(city, Operator::kNotEqual, {"Oslo"}), (Ids{2, 3, 4}));
  EXPECT_EQ(all(city, Operator::kStartsWith, {"B"}), (Ids{2}));
  EXPECT_EQ(all(city, Operator::kEqual, {hard}), (Ids{4}));
  EXPECT_EQ(all(city, Operator::kIn, {"Oslo", kNull}), (Ids{1, 3}));
  EXPECT_EQ(all(n, Operator::kEqual, {"12345678901234567890"}), (Ids{1}));
  EXPECT_EQ(all(n, Operator::kGreater, {"12345678901234567889"}), (Ids{1}));
  EXPECT_EQ(all(n, Operator::kLess, {std::int64_t{8}}), (Ids{2, 4}));
  EXPECT_EQ(all(at, Operator::kIsNull, {std::int64_t{1}}), (Ids{1, 3, 4}));
  EXPECT_EQ(all(at, Operator::kLess, {"2024-01-31T12:00:00+01:00"}), (Ids{2}));
  EXPECT_EQ(all(inner("on", ColumnKind::kBoolean), Operator::kEqual, {std::int64_t{1}}), (Ids{1}));
  EXPECT_EQ(all(inner("x", ColumnKind::kReal), Operator::kGreater, {1.25}), (Ids{1, 2}));
  EXPECT_EQ(all(inner("x", ColumnKind::kReal), Operator::kEqual, {0.0}), (Ids{4}));
  EXPECT_EQ(all(inner("tags", ColumnKind::kText, true), Operator::kContains, {"5"}), (Ids{1}));
  EXPECT_EQ(all(inner("tags", ColumnKind::kText, true), Operator::kContains, {hard}), (Ids{4}));
  EXPECT_EQ(all(inner("numbers", ColumnKind::kInteger, true), Operator::kContains, {std::int64_t{5}}), (Ids{4}));
  EXPECT_EQ(all(inner("numbers", ColumnKind::kInteger, true), Operator::kContains, {"12345678901234567890"}), (Ids{4}));
  Field deep = inner("deep", ColumnKind::kText);
  deep.members.emplace_back("er");
  EXPECT_EQ(all(deep, Operator::kEqual, {"y"}), (Ids{2}));
}

}  // namespace data_bridge::storage::contract
