// Tags name one state of one item.
#include "crud/entity_tag.hpp"

#include <gtest/gtest.h>

#include <set>

namespace data_bridge::crud {
namespace {

using storage::Cell;
using storage::ColumnKind;
using storage::Row;

storage::Table table_of(std::vector<ColumnKind> kinds) {
  storage::Table table;
  for (const ColumnKind kind : kinds) {
    table.columns.push_back({.name = "c" + std::to_string(table.columns.size()), .kind = kind, .default_value = {}});
  }
  return table;
}

std::string tag(const EntityTags& tags, const Row& row) { return tags.of(storage::view_of(row)); }

TEST(EntityTags, DifferWhereAnythingDiffers) {
  const EntityTags tags(table_of({ColumnKind::kText, ColumnKind::kText, ColumnKind::kInteger, ColumnKind::kReal}));
  const std::vector<Row> rows{{Cell("ab"), Cell("c"), Cell(std::int64_t{1}), Cell(1.0)},
                              {Cell("a"), Cell("bc"), Cell(std::int64_t{1}), Cell(1.0)},
                              {Cell("abc"), Cell(""), Cell(std::int64_t{1}), Cell(1.0)},
                              {Cell("abc"), Cell(), Cell(std::int64_t{1}), Cell(1.0)},
                              {Cell("ab"), Cell("c"), Cell(std::int64_t{2}), Cell(1.0)},
                              {Cell("ab"), Cell("c"), Cell(std::int64_t{1}), Cell(0.0)},
                              {Cell("ab"), Cell("c"), Cell(std::int64_t{1}), Cell(-0.0)}};
  std::set<std::string> all;
  for (const Row& row : rows) all.insert(tag(tags, row));
  EXPECT_EQ(all.size(), rows.size());
  EXPECT_EQ(tag(tags, rows[0]).size(), 24U);
}

TEST(EntityTags, DoNotDependOnHowTheStoreKeepsANumber) {
  const EntityTags tags(table_of({ColumnKind::kReal}));
  EXPECT_EQ(tag(tags, {Cell(3.0)}), tag(tags, {Cell(std::int64_t{3})}));
}

TEST(EntityTags, AreOfTheirModel) {
  EXPECT_NE(tag(EntityTags(table_of({ColumnKind::kText})), {Cell("1")}),
            tag(EntityTags(table_of({ColumnKind::kJson})), {Cell("1")}));
}

TEST(Preconditions, AreListsOfTags) {
  for (const char* field : {R"("a")", R"( "b" , "a")", R"("b","a","c")", "*", " *", R"(,"a",)"}) {
    EXPECT_TRUE(matches(field, R"("a")")) << field;
    EXPECT_TRUE(matches_weakly(field, R"("a")")) << field;
  }
  for (const char* field : {"", "a", R"("a)", R"("aa")", R"("b" "c")", R"(W/"b")", R"(x "a")", "**", R"(w/"a")"}) {
    EXPECT_FALSE(matches(field, R"("a")")) << field;
    EXPECT_FALSE(matches_weakly(field, R"("a")")) << field;
  }
  EXPECT_FALSE(matches(R"(W/"a")", R"("a")"));
  EXPECT_TRUE(matches_weakly(R"(W/"a")", R"("a")"));
  EXPECT_TRUE(matches(R"("b, c", "a")", R"("a")"));
}

}  // namespace
}  // namespace data_bridge::crud
