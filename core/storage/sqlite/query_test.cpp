// Conditions and orders as SQL: they find what they say, by an index where there is one.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "storage/sqlite/query_sql.hpp"
#include "storage/sqlite/query_statements.hpp"
#include "storage/sqlite/test_support.hpp"

namespace data_bridge::storage::sqlite {
namespace {

Column column(std::string name, ColumnKind kind, bool nullable = true) {
  return Column{.name = std::move(name), .kind = kind, .nullable = nullable, .default_value = {}};
}

enum Place : std::size_t { kId, kName, kPrice, kMade, kCost, kTook, kDocument };

Table things() {
  Table table;
  table.name = "things";
  table.columns = {column("id", ColumnKind::kInteger),   column("name", ColumnKind::kText),
                   column("price", ColumnKind::kReal),   column("made", ColumnKind::kDatetime),
                   column("cost", ColumnKind::kDecimal), column("took", ColumnKind::kDuration),
                   column("value", ColumnKind::kJson)};
  for (const std::size_t at : {kName, kMade, kCost}) {
    table.indexes.push_back({{.column = at, .kind = table.columns[at].kind}});
  }
  table.sort = {{.column = kMade, .descending = true}};
  return table;
}

Field field(std::size_t at, ColumnKind kind) { return {.column = at, .members = {}, .kind = kind}; }
Field field(std::size_t at) { return field(at, things().columns[at].kind); }
Field inner(std::string member, ColumnKind kind, bool is_list = false) {
  return {.column = kDocument, .members = {std::move(member)}, .kind = kind, .is_list = is_list};
}
Condition test(Field field, Operator op, std::vector<Cell> values) {
  return {.type = Condition::Type::kTest, .field = std::move(field), .op = op, .values = std::move(values)};
}
Condition negation(Condition part) { return {.type = Condition::Type::kNot, .parts = {std::move(part)}}; }
const Cell kNull;

class QueryTest : public testing::Test {
 protected:
  void add(Cell name, Cell price, Cell made, Cell cost, Cell took, Cell document) {
    Row row{Cell(),          std::move(name), std::move(price),   std::move(made),
            std::move(cost), std::move(took), std::move(document)};
    ASSERT_TRUE(insert(*store_, *items_, std::move(row)).has_value());
  }

  std::vector<std::int64_t> ids(const ListQuery& query) {
    std::vector<std::int64_t> found;
    class Reader final : public RowVisitor {
     public:
      explicit Reader(std::vector<std::int64_t>& to) : ids_(to) {}
      bool on_row(RowView row) override {
        ids_.push_back(row[kId].integer);
        return true;
      }

     private:
      std::vector<std::int64_t>& ids_;
    } visitor(found);
    const auto done = wait_for_list(*items_, query, visitor);
    EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().detail);
    return found;
  }
  bool holds(const Condition& condition) {
    bool result = false;
    const auto done = submit(*store_, [&](WriteTransaction& transaction) -> Status {
                        const auto held = transaction.holds(*items_, condition);
                        result = held.value_or(false);
                        return held ? Status() : std::unexpected(held.error());
                      }).get();
    EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().detail);
    return result;
  }
  std::vector<std::int64_t> where(Condition condition) {
    const auto counted = sqlite::count(*items_, condition);
    EXPECT_EQ(holds(condition), counted.value_or(0) != 0);  // to a write there is what there is to a read
    ListQuery query{.condition = std::move(condition), .limit = 100};
    auto found = ids(query);
    EXPECT_EQ(counted.value_or(12345), found.size());
    return found;
  }
  std::string plan(const ListQuery& query) {
    std::string text;
    const Table table = things();
    const auto sql = TableSql::make(table);
    EXPECT_TRUE(sql.has_value());
    for (const QuerySql& part : list_sql(table, *sql, query)) {
      const auto done = store_->on_writer([&](SqlConnection& connection) -> Status {
        auto statement = connection.prepare("EXPLAIN QUERY PLAN " + part.text);
        if (!statement) return std::unexpected(statement.error());
        while (sqlite3_step(statement->get()) == SQLITE_ROW) {
          text += std::string(read_cell(statement->get(), 3).text) + "\n";
        }
        return {};
      });
      EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().detail) << part.text;
    }
    return text;
  }

  using Ids = std::vector<std::int64_t>;
  TemporaryDirectory directory_;
  std::shared_ptr<SqliteStore> store_ = open_store(directory_.file("test.db"));
  std::shared_ptr<Collection> items_ = open_table(*store_, things());
};

TEST_F(QueryTest, NullIsTheLeastAndDifferentFromEveryValue) {
  add("a", 1.0, kNull, kNull, kNull, kNull);
  add("b", 2.0, kNull, kNull, kNull, kNull);
  add(kNull, kNull, kNull, kNull, kNull, kNull);
  const Field name = field(kName);
  EXPECT_EQ(where(test(name, Operator::kEqual, {"a"})), (Ids{1}));
  EXPECT_EQ(where(test(name, Operator::kNotEqual, {"a"})), (Ids{2, 3}));
  EXPECT_EQ(where(test(name, Operator::kEqual, {kNull})), (Ids{3}));
  EXPECT_EQ(where(test(name, Operator::kNotEqual, {kNull})), (Ids{1, 2}));
  EXPECT_EQ(where(test(name, Operator::kLess, {"b"})), (Ids{1}));
  EXPECT_EQ(where(negation(test(name, Operator::kLess, {"b"}))), (Ids{2, 3}));
  EXPECT_EQ(where(test(name, Operator::kIn, {"a", "x"})), (Ids{1}));
  EXPECT_EQ(where(test(name, Operator::kIn, {"a", kNull})), (Ids{1, 3}));
  EXPECT_EQ(where(test(name, Operator::kIn, {kNull})), (Ids{3}));
  EXPECT_EQ(where(test(name, Operator::kIn, {})), (Ids{}));
  EXPECT_EQ(where(test(name, Operator::kNotIn, {"a"})), (Ids{2, 3}));
  EXPECT_EQ(where(test(name, Operator::kNotIn, {"a", kNull})), (Ids{2}));
  EXPECT_EQ(where(test(name, Operator::kNotIn, {kNull})), (Ids{1, 2}));
  EXPECT_EQ(where(test(name, Operator::kNotIn, {})), (Ids{1, 2, 3}));
  EXPECT_EQ(where(test(name, Operator::kIsNull, {std::int64_t{1}})), (Ids{3}));
  EXPECT_EQ(where(test(name, Operator::kIsNull, {std::int64_t{0}})), (Ids{1, 2}));
  EXPECT_EQ(where({.type = Condition::Type::kAny, .parts = {}}), (Ids{}));
  EXPECT_EQ(where({.type = Condition::Type::kAll, .parts = {}}), (Ids{1, 2, 3}));
}

TEST_F(QueryTest, PartsOfTextsAreFoundLetterByLetter) {
  using namespace std::string_literals;
  add("Stra\xC3\x9F\x65 100%", kNull, kNull, kNull, kNull, kNull);
  add("a\0b"s, kNull, kNull, kNull, kNull, kNull);
  add("A_B", kNull, kNull, kNull, kNull, kNull);
  const Field name = field(kName);
  EXPECT_EQ(where(test(name, Operator::kContains, {"100%"})), (Ids{1}));
  EXPECT_EQ(where(test(name, Operator::kContains, {"%"})), (Ids{1}));
  EXPECT_EQ(where(test(name, Operator::kContains, {"b"})), (Ids{2}));
  EXPECT_EQ(where(test(name, Operator::kContains, {""})), (Ids{1, 2, 3}));
  EXPECT_EQ(where(test(name, Operator::kContainsAnyCase, {"STRASSE"})), (Ids{1}));
  EXPECT_EQ(where(test(name, Operator::kContainsAnyCase, {"b"})), (Ids{2, 3}));
  EXPECT_EQ(where(test(name, Operator::kStartsWith, {"a\0"s})), (Ids{2}));
  EXPECT_EQ(where(test(name, Operator::kStartsWith, {""})), (Ids{1, 2, 3}));
  EXPECT_EQ(where(test(name, Operator::kEndsWith, {"_B"})), (Ids{3}));
  EXPECT_EQ(where(test(name, Operator::kEndsWith, {"\0b"s})), (Ids{2}));
}

TEST_F(QueryTest, ValuesCompareAsWhatTheyAre) {
  add(kNull, kNull, "2024-01-31T10:00:00Z", "1.10", "P1D", kNull);
  add(kNull, kNull, "2024-01-31T10:00:00.500000Z", "1.1", "PT24H", kNull);
  add(kNull, kNull, "2024-01-31T15:30:00+05:30", "10", "PT1S", kNull);
  add(kNull, kNull, "2024-01-31T09:59:59", "-2", "-P1D", kNull);
  const Field made = field(kMade);
  EXPECT_EQ(where(test(made, Operator::kEqual, {"2024-01-31T11:00:00+01:00"})), (Ids{1, 3}));
  EXPECT_EQ(where(test(made, Operator::kGreater, {"2024-01-31T10:00:00"})), (Ids{2}));
  EXPECT_EQ(where(test(field(kCost), Operator::kEqual, {"1.100"})), (Ids{1, 2}));
  EXPECT_EQ(where(test(field(kCost), Operator::kLess, {"9"})), (Ids{1, 2, 4}));
  EXPECT_EQ(where(test(field(kTook), Operator::kIn, {"P1D", "-P1D"})), (Ids{1, 2, 4}));
  EXPECT_EQ(ids({.sort = {{.field = made}, {.field = field(kId)}}, .limit = 9}), (Ids{4, 1, 3, 2}));
  EXPECT_EQ(ids({.sort = {{.field = field(kCost), .descending = true}, {.field = field(kId), .descending = true}},
                 .limit = 9}),
            (Ids{3, 2, 1, 4}));
}

TEST_F(QueryTest, ValuesInsideOfDocuments) {
  add(kNull, kNull, kNull, kNull, kNull, R"({"city":"Oslo","n":12345678901234567890,"tags":["a","5"],"at":null})");
  add(kNull, kNull, kNull, kNull, kNull, R"({"city":"Bergen","n":7,"tags":[],"at":"2024-01-31T10:00:00Z"})");
  add(kNull, kNull, kNull, kNull, kNull, kNull);
  EXPECT_EQ(where(test(inner("city", ColumnKind::kText), Operator::kEqual, {"Oslo"})), (Ids{1}));
  EXPECT_EQ(where(test(inner("city", ColumnKind::kText), Operator::kNotEqual, {"Oslo"})), (Ids{2, 3}));
  EXPECT_EQ(where(test(inner("n", ColumnKind::kInteger), Operator::kEqual, {"12345678901234567890"})), (Ids{1}));
  EXPECT_EQ(where(test(inner("n", ColumnKind::kInteger), Operator::kGreater, {"12345678901234567889"})), (Ids{1}));
  EXPECT_EQ(where(test(inner("n", ColumnKind::kInteger), Operator::kLess, {std::int64_t{8}})), (Ids{2}));
  EXPECT_EQ(where(test(inner("at", ColumnKind::kDatetime), Operator::kIsNull, {std::int64_t{1}})), (Ids{1, 3}));
  EXPECT_EQ(where(test(inner("at", ColumnKind::kDatetime), Operator::kLess, {"2024-01-31T12:00:00+01:00"})), (Ids{2}));
  EXPECT_EQ(where(test(inner("tags", ColumnKind::kText, true), Operator::kContains, {"a"})), (Ids{1}));
  EXPECT_EQ(where(test(inner("tags", ColumnKind::kText, true), Operator::kContains, {"5"})), (Ids{1}));
  add(kNull, kNull, kNull, kNull, kNull, R"({"city":"a\u0000\"","n":0,"tags":["a\u0000\""]})");
  const std::string hard("a\0\"", 3);
  EXPECT_EQ(where(test(inner("city", ColumnKind::kText), Operator::kEqual, {hard})), (Ids{4}));
  EXPECT_EQ(where(test(inner("city", ColumnKind::kText), Operator::kEqual, {"a"})), (Ids{}));
  EXPECT_EQ(where(test(inner("tags", ColumnKind::kText, true), Operator::kContains, {hard})), (Ids{4}));
  EXPECT_EQ(where(test(inner("tags", ColumnKind::kInteger, true), Operator::kContains, {std::int64_t{5}})), (Ids{}));
  EXPECT_EQ(where(test(inner("n", ColumnKind::kInteger, true), Operator::kContains, {"12345678901234567890"})),
            (Ids{1}));  // a value alone is a list of one to json_each()
}

TEST_F(QueryTest, PagesInEveryDirectionHaveEachItemOnce) {
  const std::vector<Cell> names{"a", "b", kNull, "a", "b", kNull, "c", "a"};
  const std::vector<Cell> prices{1.0, kNull, 2.0, 1.0, 3.0, kNull, kNull, 0.5};
  for (std::size_t i = 0; i < names.size(); ++i) add(names[i], prices[i], kNull, kNull, kNull, kNull);
  for (unsigned directions = 0; directions < 8; ++directions) {
    ListQuery query{.sort = {{.field = field(kName), .descending = (directions & 1U) != 0},
                             {.field = field(kPrice), .descending = (directions & 2U) != 0},
                             {.field = field(kId), .descending = (directions & 4U) != 0}},
                    .limit = 100};
    const Ids all = ids(query);
    EXPECT_EQ(all.size(), names.size());
    for (std::size_t at = 0; at + 1 < all.size(); ++at) {
      const auto last = static_cast<std::size_t>(all[at] - 1);
      query.after = {names[last], prices[last], Cell(all[at])};
      EXPECT_EQ(ids(query), Ids(all.begin() + static_cast<std::ptrdiff_t>(at) + 1, all.end())) << directions << at;
      query.limit = 1;
      EXPECT_EQ(ids(query), (Ids{all[at + 1]}));
      query.limit = 100;
    }
    query.after.clear();
    query.offset = 3;
    EXPECT_EQ(ids(query), Ids(all.begin() + 3, all.end()));
  }
}

TEST_F(QueryTest, AnIndexIsUsedForFiltersSortsAndPages) {
  const auto uses = [this](const ListQuery& query, const std::string& index) {
    const std::string found = plan(query);
    EXPECT_NE(found.find("USING INDEX " + index), std::string::npos) << found;
    EXPECT_EQ(found.find("TEMP B-TREE"), std::string::npos) << found;
    return found;
  };
  const auto searches = [](const std::string& found) { return found.find("SEARCH things") != std::string::npos; };
  const SortTerm by_id{.field = field(kId)};
  const SortTerm by_id_down{.field = field(kId), .descending = true};
  EXPECT_TRUE(
      searches(uses({.condition = test(field(kName), Operator::kEqual, {"a"}), .sort = {by_id}}, "things.index.name")));
  EXPECT_TRUE(searches(
      uses({.condition = test(field(kName), Operator::kStartsWith, {"a"}), .sort = {{.field = field(kName)}, by_id}},
           "things.index.name")));
  EXPECT_TRUE(searches(uses({.condition = test(field(kMade), Operator::kGreater, {"2024-01-31T10:00:00Z"}),
                             .sort = {{.field = field(kMade), .descending = true}, by_id_down}},
                            "things.index.instant(made)")));
  const Cell made = "2024-01-31T10:00:00Z";
  for (const bool down : {false, true}) {
    uses({.sort = {{.field = field(kMade), .descending = down}, down ? by_id_down : by_id}},
         "things.index.instant(made)");
    const std::string page = uses({.sort = {{.field = field(kMade), .descending = down}, down ? by_id_down : by_id},
                                   .after = {made, std::int64_t{7}}},
                                  "things.index.instant(made)");
    EXPECT_TRUE(searches(page)) << page;
    EXPECT_EQ(page.find("SCAN"), std::string::npos) << page;
  }
  uses({.sort = {{.field = field(kCost)}, by_id}}, "things.index.decimal(cost)");
}

TEST_F(QueryTest, OnlySoManyShapesAreKept) {
  QueryStatements kept;
  const auto done = store_->on_writer([&](SqlConnection& connection) -> Status {
    for (int round = 0; round < 2; ++round) {
      for (int i = 0; i < 200; ++i) {
        const auto statement = kept.get(connection, "SELECT " + std::to_string(i));
        EXPECT_TRUE(statement.has_value());
        EXPECT_EQ(kept.get(connection, "SELECT " + std::to_string(i)).value_or(nullptr), *statement);
        EXPECT_LE(kept.size(), QueryStatements::kCapacity);
      }
    }
    kept.clear();
    return {};
  });
  EXPECT_TRUE(done.has_value());
}

TEST_F(QueryTest, AUniqueValueIsOneHoweverItIsWritten) {
  Table table = things();
  table.name = "unique things";
  table.unique = {{kCost}};
  auto items = open_table(*store_, table);
  const auto row = [](Cell cost) { return Row{kNull, kNull, kNull, kNull, std::move(cost), kNull, kNull}; };
  EXPECT_TRUE(insert(*store_, *items, row("1.10")).has_value());
  EXPECT_TRUE(insert(*store_, *items, row("1.11")).has_value());
  const auto second = insert(*store_, *items, row("1.1"));
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::kConflict);
  EXPECT_EQ(second.error().fields, std::vector<std::string>{"cost"});
}

}  // namespace
}  // namespace data_bridge::storage::sqlite
