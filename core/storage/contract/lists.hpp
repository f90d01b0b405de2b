// Single items, pages and totals.
#pragma once

#include <string>
#include <vector>

#include "storage/contract/fixture.hpp"

namespace data_bridge::storage::contract {

TEST_P(StoreContract, AnItemComesBackAsItWentIn) {
  const auto items = open_table(*store_, things());
  const Row row = thing({{kName, std::string("a\0\xF0\x9F\x98\x80", 6)},
                         {kPrice, 0.1},
                         {kNumber, std::int64_t{-1}},
                         {kFlag, std::int64_t{1}},
                         {kMade, "2024-01-31T10:00:00.120000+05:30"},
                         {kCost, "1.100"},
                         {kBig, "-100000000000000000000"},
                         {kDocument, R"({"b":1,"a":[1.10,null]})"}});
  const std::int64_t key = add(*items, row);
  const Found found = wait_for_get(*items, Key(key));
  EXPECT_EQ(found.count.value_or(9), 1U);
  Row stored = row;
  stored[kId] = key;
  EXPECT_EQ(found.rows, std::vector<Row>{stored});
  const Found none = wait_for_get(*items, Key(key + 1));
  EXPECT_EQ(none.count.value_or(9), 0U);
  EXPECT_TRUE(none.rows.empty());
}

TEST_P(StoreContract, ATotalIsOfTheConditionAlone) {
  const auto items = open_table(*store_, things());
  for (std::int64_t i = 1; i <= 7; ++i) add(*items, thing({{kNumber, i}}));
  const Condition some = test(field(kNumber), Operator::kGreater, {std::int64_t{2}});
  const auto total = [&](const ListQuery& query, std::size_t rows) {
    const Found found = wait_for_list(*items, query);
    EXPECT_EQ(found.rows.size(), rows);
    return found.count.value_or(12345);
  };
  EXPECT_EQ(total({.limit = 3, .wants_total = true}, 3), 7U);
  EXPECT_EQ(total({.condition = some, .limit = 2, .wants_total = true}, 2), 5U);
  EXPECT_EQ(total({.condition = some, .after = {std::int64_t{6}}, .limit = 9, .wants_total = true}, 1), 5U);
  EXPECT_EQ(total({.condition = some, .offset = 4, .limit = 9, .wants_total = true}, 1), 5U);
  EXPECT_EQ(total({.condition = some, .limit = 0, .wants_total = true}, 0), 5U);
  EXPECT_EQ(total({.limit = 0, .wants_total = true}, 0), 7U);
  EXPECT_EQ(total({.limit = 3}, 3), 0U);
  EXPECT_EQ(total({.condition = some, .limit = 3}, 3), 0U);
}

TEST_P(StoreContract, AListEndsWhereNoFurtherRowIsWanted) {
  const auto items = open_table(*store_, things());
  for (int i = 0; i < 5; ++i) add(*items, thing());
  const ListQuery query{.limit = 5, .wants_total = true};
  const auto job = std::make_shared<KeptRead>(2);
  auto found = job->future();
  items->list(query, job, Reading::at_once());
  const Found kept = found.get();
  EXPECT_EQ(kept.rows.size(), 2U);
  EXPECT_EQ(kept.count.value_or(9), 5U);
}

TEST_P(StoreContract, PagesInEveryDirectionHaveEachItemOnce) {
  const auto items = open_table(*store_, things());
  const std::vector<Cell> names{"a", "b", Cell(), "a", "b", Cell(), "c", "a"};
  const std::vector<Cell> prices{1.0, Cell(), 2.0, 1.0, 3.0, Cell(), Cell(), 0.5};
  for (std::size_t i = 0; i < names.size(); ++i) add(*items, thing({{kName, names[i]}, {kPrice, prices[i]}}));
  for (unsigned directions = 0; directions < 8; ++directions) {
    ListQuery query{.sort = {{.field = field(kName), .descending = (directions & 1U) != 0},
                             {.field = field(kPrice), .descending = (directions & 2U) != 0},
                             {.field = field(kId), .descending = (directions & 4U) != 0}},
                    .limit = 100};
    SCOPED_TRACE(directions);
    const auto all = wait_for_list(*items, query).rows;
    ASSERT_EQ(all.size(), names.size());
    for (const std::size_t size : {1U, 2U, 3U, 8U}) EXPECT_EQ(walk(*items, query, size), all) << size;
    query.offset = 3;
    EXPECT_EQ(wait_for_list(*items, query).rows, std::vector<Row>(all.begin() + 3, all.end()));
  }
  const ListQuery nulls{.sort = {ascending(field(kName)), ascending(field(kId))}, .limit = 2};
  EXPECT_EQ(ids(*items, nulls), (Ids{3, 6}));  // the least of all
}

TEST_P(StoreContract, PagesByWhatIsInsideOfDocuments) {
  const auto items = open_table(*store_, things());
  for (const char* const document : {R"({"n":3,"city":"b"})", R"({"n":null,"city":null})", R"({"city":"a"})",
                                     R"({"n":12345678901234567890,"city":"a"})", R"({"n":-5,"city":"b"})"}) {
    add(*items, thing({{kDocument, document}}));
  }
  add(*items, thing());
  for (const Field& by : {inner("n", ColumnKind::kInteger), inner("city", ColumnKind::kText)}) {
    for (const bool down : {false, true}) {
      const ListQuery query{.sort = {{.field = by, .descending = down}, ascending(field(kId))}, .limit = 100};
      SCOPED_TRACE(by.members.front() + (down ? " down" : " up"));
      const auto all = wait_for_list(*items, query).rows;
      ASSERT_EQ(all.size(), 6U);
      EXPECT_EQ(all.front().size(), kPlaces + 1U);
      for (const std::size_t size : {1U, 2U, 5U}) EXPECT_EQ(walk(*items, query, size), all) << size;
    }
  }
  const SortTerm n = descending(inner("n", ColumnKind::kInteger));
  EXPECT_EQ(ids(*items, {.sort = {n, ascending(field(kId))}, .limit = 100}), (Ids{4, 1, 5, 2, 3, 6}));
}

TEST_P(StoreContract, TextKeysAreInTheOrderOfTheirCodePoints) {
  Table table;
  table.name = "words";
  table.columns = {column("id", ColumnKind::kText, false)};
  table.key_kind = KeyKind::kString;
  const auto items = open_table(*store_, table);
  for (const char* key : {"b", "a", "B", "", "\xC3\xA9", "a b", "aa"}) {
    ASSERT_TRUE(insert(*store_, *items, {std::string(key)}));
  }
  std::vector<std::string> seen;
  ListQuery query{.limit = 3};
  for (bool more = true; more;) {
    const Found page = wait_for_list(*items, query);
    for (const Row& row : page.rows) seen.push_back(std::get<std::string>(row[0]));
    query.after = {seen.back()};
    more = page.rows.size() == 3;
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"", "B", "a", "a b", "aa", "b", "\xC3\xA9"}));
}

}  // namespace data_bridge::storage::contract
