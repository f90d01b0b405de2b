// An index on a field is used by every filter and order that can use one, for every kind of values.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "storage/sqlite/query_sql.hpp"
#include "storage/sqlite/test_support.hpp"

namespace data_bridge::storage::sqlite {
namespace {

struct Sample {
  ColumnKind kind;
  std::string name;
  std::vector<Cell> values;  // ascending
};

std::vector<Sample> samples() {
  const auto texts = [](std::vector<std::string> each) { return std::vector<Cell>(each.begin(), each.end()); };
  return {
      {ColumnKind::kInteger, "integer", {std::int64_t{-5}, std::int64_t{0}, std::int64_t{9000000000000000000}}},
      {ColumnKind::kReal, "real", {-1.5, 0.0, 1e300}},
      {ColumnKind::kText, "text", texts({"Oslo", "Oz", "\u00c5lesund"})},
      {ColumnKind::kBoolean, "boolean", {std::int64_t{0}, std::int64_t{1}}},
      {ColumnKind::kUuid, "uuid",
       texts({"0190a0a0-0000-7000-8000-000000000000", "0190a0a0-0000-7000-8000-000000000001"})},
      {ColumnKind::kDatetime, "datetime", texts({"2024-01-01T12:00:00+02:00", "2024-01-01T10:30:00Z"})},
      {ColumnKind::kDate, "date", texts({"2023-12-31", "2024-01-01"})},
      {ColumnKind::kTime, "time", texts({"09:59:00", "10:00:00.5"})},
      {ColumnKind::kDuration, "duration", texts({"-P1D", "PT59S", "PT1M"})},
      {ColumnKind::kDecimal, "decimal", texts({"-3", "9.99", "10.0"})},
      {ColumnKind::kBigInteger, "big", texts({"9", "10", "100000000000000000000"})},
  };
}

std::string in_json(const Sample& sample, const Cell& cell) {
  if (const auto* const integer = std::get_if<std::int64_t>(&cell)) {
    return sample.kind == ColumnKind::kBoolean ? (*integer != 0 ? "true" : "false") : std::to_string(*integer);
  }
  if (const auto* const real = std::get_if<double>(&cell)) {
    return std::to_string(*real);
  }
  const auto& text = std::get<std::string>(cell);
  return sample.kind == ColumnKind::kBigInteger ? text : "\"" + text + "\"";
}

// A column of each kind, and a document with a member of each; all of them indexed.
class IndexTest : public testing::TestWithParam<KeyKind> {
 protected:
  IndexTest() {
    table_.name = "things";
    table_.key_kind = GetParam();
    const bool is_int = table_.key_kind == KeyKind::kInt;
    add_column("id", is_int ? ColumnKind::kInteger : ColumnKind::kText, false);
    for (const Sample& sample : samples_) add_column(sample.name, sample.kind, true);
    add_column("document", ColumnKind::kJson, true);
    for (const Sample& sample : samples_) {
      fields_.push_back({.column = fields_.size() + 1, .kind = sample.kind});
    }
    for (const Sample& sample : samples_) {
      fields_.push_back({.column = table_.columns.size() - 1, .members = {"it's", sample.name}, .kind = sample.kind});
    }
    for (const Field& field : fields_) table_.indexes.push_back({field});
    items_ = open_table(*store_, table_);
    sql_ = *TableSql::make(table_);
    fill();
  }

  void add_column(std::string name, ColumnKind kind, bool nullable) {
    table_.columns.push_back(
        {.name = std::move(name), .kind = kind, .nullable = nullable, .default_value = std::nullopt});
  }

  // A row of the first values, one of the second, ... and two of nulls.
  void fill() {
    for (std::size_t at = 0; at < 5; ++at) {
      Row row{table_.key_kind == KeyKind::kInt ? Cell() : Cell(std::to_string(at))};
      std::string document = R"({"it's":{)";
      for (const Sample& sample : samples_) {
        row.push_back(at < sample.values.size() ? sample.values[at] : Cell());
        document += (document.ends_with('{') ? "\"" : ",\"") + sample.name + "\":";
        document += at < sample.values.size() ? in_json(sample, sample.values[at]) : "null";
      }
      row.emplace_back(document + "}}");
      ASSERT_TRUE(insert(*store_, *items_, std::move(row)).has_value());
    }
  }

  const Sample& sample_of(std::size_t field) const { return samples_[field % samples_.size()]; }

  std::string plan(const QuerySql& query) {
    std::string text;
    const auto done = store_->on_writer([&](SqlConnection& connection) -> Status {
      auto statement = connection.prepare("EXPLAIN QUERY PLAN " + query.text);
      if (!statement) return std::unexpected(statement.error());
      while (sqlite3_step(statement->get()) == SQLITE_ROW) {
        text += std::string(read_cell(statement->get(), 3).text) + "\n";
      }
      return {};
    });
    EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().detail) << query.text;
    return text;
  }

  void expect_search(const QuerySql& query, const std::string& place) {
    const std::string text = plan(query);
    const bool is_used =
        text.find("USING INDEX") != std::string::npos || text.find("USING COVERING INDEX") != std::string::npos;
    EXPECT_TRUE(is_used) << place << "\n" << query.text << "\n" << text;
    EXPECT_EQ(text.find("SCAN"), std::string::npos) << place << "\n" << query.text << "\n" << text;
  }

  std::uint64_t count(const Condition& condition) { return sqlite::count(*items_, condition).value_or(999); }

  TemporaryDirectory directory_;
  std::shared_ptr<SqliteStore> store_ = open_store(directory_.file("test.db"));
  const std::vector<Sample> samples_ = samples();
  std::vector<Field> fields_;
  Table table_;
  TableSql sql_;
  std::shared_ptr<Collection> items_;
};

Condition test(const Field& field, Operator op, std::vector<Cell> values) {
  return {.type = Condition::Type::kTest, .field = field, .op = op, .values = std::move(values)};
}

bool is_range(Operator op) {
  return op == Operator::kLess || op == Operator::kLessEqual || op == Operator::kGreater ||
         op == Operator::kGreaterEqual || op == Operator::kStartsWith;
}

TEST_P(IndexTest, IsUsedByEveryFilterThatCan) {
  for (std::size_t at = 0; at < fields_.size(); ++at) {
    const Field& field = fields_[at];
    const Sample& sample = sample_of(at);
    const Cell& first = sample.values.front();
    const Cell& last = sample.values.back();
    const auto known = static_cast<std::uint64_t>(sample.values.size());
    struct Case {
      Condition condition;
      std::uint64_t found;
    };
    std::vector<Case> cases = {{test(field, Operator::kEqual, {first}), 1},
                               {test(field, Operator::kEqual, {Cell()}), 5 - known},
                               {test(field, Operator::kLess, {last}), known - 1},
                               {test(field, Operator::kLessEqual, {last}), known},
                               {test(field, Operator::kGreater, {first}), known - 1},
                               {test(field, Operator::kGreaterEqual, {first}), known},
                               {test(field, Operator::kIn, {first, last}), 2},
                               {test(field, Operator::kIn, {first, Cell()}), 6 - known},
                               {test(field, Operator::kIsNull, {std::int64_t{1}}), 5 - known}};
    if (field.kind == ColumnKind::kText) {
      cases.push_back({test(field, Operator::kStartsWith, {Cell(std::string("O"))}), 2});
    }
    for (const auto& [condition, found] : cases) {
      const std::string place =
          sample.name + (field.members.empty() ? " " : " inside ") + std::to_string(static_cast<int>(condition.op));
      EXPECT_EQ(count(condition), found) << place;
      expect_search(count_sql(table_, sql_, condition), place);
      expect_search(list_sql(table_, sql_, {.condition = condition, .sort = {{.field = field}}, .limit = 10}).front(),
                    place);
      // In the order of the key SQLite may rather look at all: of a range nobody knows how many items are in it.
      if (!is_range(condition.op)) {
        expect_search(list_sql(table_, sql_, {.condition = condition, .limit = 10}).front(), place);
      }
    }
  }
}

TEST_P(IndexTest, IsUsedByOrdersAndWherePagesGoOn) {
  for (std::size_t at = 0; at < fields_.size(); ++at) {
    const Field key{.column = 0, .kind = table_.columns[0].kind, .nullable = false};
    for (const bool descending : {false, true}) {
      ListQuery query{
          .sort = {{.field = fields_[at], .descending = descending}, {.field = key, .descending = descending}},
          .limit = 10};
      for (int page = 0; page < 2; ++page) {
        for (const QuerySql& part : list_sql(table_, sql_, query)) {
          const std::string text = plan(part);
          const std::string place =
              sample_of(at).name + (descending ? " descending\n" : "\n") + part.text + "\n" + text;
          EXPECT_NE(text.find("USING INDEX"), std::string::npos) << place;
          EXPECT_EQ(text.find("TEMP B-TREE"), std::string::npos) << place;
        }
        query.after = {sample_of(at).values.front(),
                       table_.key_kind == KeyKind::kInt ? Cell(std::int64_t{1}) : Cell(std::string("0"))};
      }
    }
  }
}

TEST_P(IndexTest, OfAnEarlierStartIsFoundAgain) {
  store_->close();
  store_ = open_store(directory_.file("test.db"));
  EXPECT_TRUE(store_->open_collection(table_).has_value());
}

INSTANTIATE_TEST_SUITE_P(Keys, IndexTest, testing::Values(KeyKind::kInt, KeyKind::kString));

}  // namespace
}  // namespace data_bridge::storage::sqlite
