// What the start makes of a table that is missing, older or another one.
#include "storage/sqlite/schema_sync.hpp"

#include <gtest/gtest.h>

#include "storage/sqlite/test_support.hpp"

namespace data_bridge::storage::sqlite {
namespace {

Column column(std::string name, ColumnKind kind, bool nullable = false, std::optional<Cell> default_value = {}) {
  return Column{.name = std::move(name), .kind = kind, .nullable = nullable, .default_value = std::move(default_value)};
}

class SchemaSyncTest : public testing::Test {
 protected:
  // As at a start: opens the table, and closes the store again.
  Status start(const Table& table) {
    auto store = open_store(path_);
    auto opened = store->open_collection(table);
    return opened ? Status() : std::unexpected(opened.error());
  }

  void run(const std::string& sql) {
    auto connection = SqlConnection::open(path_, Access::kCreate, std::chrono::milliseconds(100));
    ASSERT_TRUE(connection) << connection.error().detail;
    const auto done = connection->execute(sql);
    ASSERT_TRUE(done) << done.error().detail;
  }

  void expect_mismatch(const Table& table, const std::string& part) {
    const auto started = start(table);
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, Errc::kSchemaMismatch);
    EXPECT_NE(started.error().detail.find(part), std::string::npos) << started.error().detail;
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_.file("test.db");
};

TEST_F(SchemaSyncTest, TheSameModelStartsAgain) {
  Table table = products();
  table.unique = {{1}};
  table.indexes = {{{.column = 2, .kind = table.columns[2].kind}, {.column = 1, .kind = table.columns[1].kind}}};
  ASSERT_TRUE(start(table));
  ASSERT_TRUE(start(table));
}

TEST_F(SchemaSyncTest, AColumnOfTheFormerNameIsRenamedWithItsIndexes) {
  Table table = products();
  table.unique = {{1}};
  table.indexes = {{{.column = 2, .kind = table.columns[2].kind}, {.column = 1, .kind = table.columns[1].kind}}};
  ASSERT_TRUE(start(table));
  run("INSERT INTO products (name, price) VALUES ('a', 1)");
  table.columns[1].former_name = std::exchange(table.columns[1].name, "title");
  table.columns[2].former_name = "price";
  table.columns[2].stored_name = "preis";
  ASSERT_TRUE(start(table));
  ASSERT_TRUE(start(table));
  auto store = open_store(path_);
  auto opened = store->open_collection(table);
  ASSERT_TRUE(opened);
  const std::vector<Row> rows = list(**opened, {.after = {}, .limit = 10});
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0][1], Cell(std::string("a")));
  run("SELECT title, preis FROM products INDEXED BY \"products.index.preis,title\"");
  run("DROP INDEX \"products.unique.title\"");
}

TEST_F(SchemaSyncTest, AFormerNameThatIsNotThereOrThatAnotherFieldHasIsNoMatter) {
  Table table = products();
  table.columns[1].former_name = "nothing";
  table.columns[2].former_name = table.columns[1].name;
  ASSERT_TRUE(start(table));
  ASSERT_TRUE(start(table));
}

TEST_F(SchemaSyncTest, ColumnsOfSomebodyElseAreNotRenamed) {
  Table table = products();
  ASSERT_TRUE(start(table));
  table.migrate = false;
  table.columns[1].former_name = std::exchange(table.columns[1].name, "title");
  expect_mismatch(table, R"(it has no column "title", but "name", which the field was by Was("name"))");
}

TEST_F(SchemaSyncTest, TwoFieldsCannotHaveOneColumn) {
  Table table = products();
  table.columns[1].stored_name = "PRICE";
  const auto started = start(table);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::kInvalidArgument);
}

TEST_F(SchemaSyncTest, CellsOfATypeThatTheirColumnDoesNotHaveAreReadAsTheyAre) {
  // Without STRICT, as other programs make it; SQLite then keeps in a column what cannot be converted.
  run("CREATE TABLE products (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, price ANY)");
  auto store = open_store(path_);
  auto opened = store->open_collection(products());
  ASSERT_TRUE(opened) << opened.error().detail;
  run("INSERT INTO products VALUES (1, 'a name of a row before', 2.5), (2, X'6162', 'dear'), (3, 'c', 1)");
  const std::vector<Row> rows = list(**opened, {.after = {}, .limit = 10});
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1], (Row{std::int64_t{2}, std::string("ab"), std::string("dear")}));
  EXPECT_EQ(rows[2], (Row{std::int64_t{3}, std::string("c"), std::int64_t{1}}));

  // Whoever asks for the number of a text gets that of no earlier row.
  class Numbers final : public RowVisitor {
   public:
    bool on_row(RowView row) override {
      numbers.push_back(row[2].number());
      return true;
    }
    std::vector<double> numbers;
  };
  Numbers prices;
  ASSERT_TRUE(wait_for_list(**opened, {.limit = 10}, prices));
  EXPECT_EQ(prices.numbers, (std::vector<double>{2.5, 0.0, 1.0}));
}

TEST_F(SchemaSyncTest, ValuesOfAnotherFormStopTheStart) {
  Table table = products();
  table.columns.push_back(column("day", ColumnKind::kDate, true));
  run("CREATE TABLE products (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, price ANY, day TEXT);"
      "INSERT INTO products VALUES (7, 'a', 2.5, '\"2024-01-31\"')");
  expect_mismatch(table, "column \"day\" of the item 7 has the form of an earlier release; \"data-bridge store plan\"");
  run("UPDATE products SET day='2024-01-31', price='dear'");
  expect_mismatch(table, "column \"price\" of the item 7 holds what is no real");
  run("UPDATE products SET price=1");
  ASSERT_TRUE(start(table));
}

TEST_F(SchemaSyncTest, ATableOfSomebodyElseIsOnlyChecked) {
  Table table = products();
  table.migrate = false;
  table.unique = {{1}};
  table.indexes = {{{.column = 2, .kind = table.columns[2].kind}}};
  expect_mismatch(table, "there is no such table");
  run("CREATE TABLE products (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, price FLOAT, owner INT, n INT NOT "
      "NULL "
      "DEFAULT 1)");
  expect_mismatch(table, "it has no index \"products.unique.name\"");
  run("CREATE UNIQUE INDEX theirs ON products (name)");
  ASSERT_TRUE(start(table));
  table.columns.push_back(column("note", ColumnKind::kText, true));
  expect_mismatch(table, "it has no column \"note\"");
  table.columns.pop_back();
  run("ALTER TABLE products ADD COLUMN must INT NOT NULL DEFAULT 0");
  ASSERT_TRUE(start(table));
  table.columns[1].kind = ColumnKind::kInteger;
  expect_mismatch(table, "column \"name\" is VARCHAR(40) NOT NULL");
}

TEST_F(SchemaSyncTest, AddsColumnsThatOldRowsCanHave) {
  {
    auto store = open_store(path_);
    auto items = open_table(*store, products());
    ASSERT_TRUE(insert(*store, *items, {Cell(), std::string("old"), 1.0}));
  }
  Table table = products();
  table.columns.insert(table.columns.begin() + 1, column("note", ColumnKind::kText, true));
  table.columns.push_back(column("tags", ColumnKind::kJson, false, Cell(std::string("[\"it's\"]"))));
  table.columns.push_back(column("stock", ColumnKind::kInteger, false, Cell(std::int64_t{-3})));
  table.columns.push_back(column("weight", ColumnKind::kReal, false, Cell(0.1)));
  table.columns.push_back(column("size", ColumnKind::kText, true, Cell(std::string("M"))));
  auto store = open_store(path_);
  auto items = open_table(*store, table);
  EXPECT_EQ(get(*items, Key(std::int64_t{1})).value(),
            (Row{std::int64_t{1}, Cell(), std::string("old"), 1.0, std::string("[\"it's\"]"), std::int64_t{-3}, 0.1,
                 std::string("M")}));
}

TEST_F(SchemaSyncTest, RefusesEveryOtherDifference) {
  ASSERT_TRUE(start(products()));
  Table required = products();
  required.columns.push_back(column("stock", ColumnKind::kInteger));
  expect_mismatch(required, "no column \"stock\"");
  Table missing = products();
  missing.columns.pop_back();
  expect_mismatch(missing, "a column \"price\" that the model has not");
  Table type = products();
  type.columns[1].kind = ColumnKind::kInteger;
  expect_mismatch(type, "column \"name\" is TEXT NOT NULL, but the model needs INTEGER NOT NULL");
  Table nullable = products();
  nullable.columns[1].nullable = true;
  expect_mismatch(nullable, "but the model needs TEXT");
  Table key = products();
  key.key_column = 1;
  key.key_kind = KeyKind::kString;
  expect_mismatch(key, "key");
  ASSERT_TRUE(start(products()));
}

TEST_F(SchemaSyncTest, RefusesAViewAndAnIndexThatIsAnotherOne) {
  run("CREATE VIEW products AS SELECT 1 AS id");
  expect_mismatch(products(), "it is a view");
  run("DROP VIEW products");
  Table table = products();
  table.unique = {{1}};
  ASSERT_TRUE(start(table));
  run("DROP INDEX \"products.unique.name\"; CREATE INDEX \"products.unique.name\" ON products (price)");
  expect_mismatch(table, "index");
}

TEST_F(SchemaSyncTest, RefusesUniquenessThatItemsBreak) {
  {
    auto store = open_store(path_);
    auto items = open_table(*store, products());
    ASSERT_TRUE(insert(*store, *items, {Cell(), std::string("same"), 1.0}));
    ASSERT_TRUE(insert(*store, *items, {Cell(), std::string("same"), 2.0}));
  }
  Table table = products();
  table.unique = {{1}};
  expect_mismatch(table, "cannot be unique");
}

TEST_F(SchemaSyncTest, NamesThatAreHardForSqlAreKept) {
  Table table;
  table.name = "select \"from\"; DROP TABLE x --";
  table.columns = {column("id", ColumnKind::kInteger, true),
                   column("rowid", ColumnKind::kText),
                   column("select", ColumnKind::kText),
                   column("name", ColumnKind::kText),
                   column("NAME", ColumnKind::kText),
                   column("Name", ColumnKind::kText),
                   column("a\"b'c`d]", ColumnKind::kText),
                   column("_rowid_", ColumnKind::kText),
                   column("oid", ColumnKind::kText),
                   column("\xC3\xA9t\xC3\xA9", ColumnKind::kText),
                   column("\xC3\x89T\xC3\x89", ColumnKind::kText)};
  table.unique = {{2, 4}};
  Row row{Cell()};
  for (std::size_t at = 1; at < table.columns.size(); ++at) {
    row.emplace_back(std::to_string(at));
  }
  {
    auto store = open_store(path_);
    auto items = open_table(*store, table);
    const Row stored = insert(*store, *items, row).value();
    EXPECT_EQ(get(*items, Key(std::int64_t{1})).value(), stored);
    EXPECT_EQ(insert(*store, *items, row).error().fields, (std::vector<std::string>{"select", "NAME"}));
  }
  std::swap(table.columns[3], table.columns[5]);  // the order of the fields does not decide the names
  auto store = open_store(path_);
  EXPECT_EQ(std::get<std::string>(get(*open_table(*store, table), Key(std::int64_t{1})).value()[3]), "5");
}

TEST_F(SchemaSyncTest, RefusesNamesThatNoTableCanHave) {
  Table table = products();
  for (const std::string& name :
       {std::string(), std::string("sqlite_stat9"), std::string("SQLite_x"), std::string("a\0b", 3)}) {
    table.name = name;
    const auto started = start(table);
    ASSERT_FALSE(started) << name;
    EXPECT_EQ(started.error().code, Errc::kInvalidArgument);
  }
}

TEST_F(SchemaSyncTest, SeveralProcessesMayStartAtOnce) {
  std::vector<std::shared_ptr<SqliteStore>> stores;
  for (int i = 0; i < 4; ++i) {
    stores.push_back(open_store(path_));
  }
  std::vector<std::future<bool>> started;
  for (auto& store : stores) {
    started.push_back(std::async(std::launch::async, [&] { return store->open_collection(products()).has_value(); }));
  }
  for (auto& one : started) {
    EXPECT_TRUE(one.get());
  }
}

}  // namespace
}  // namespace data_bridge::storage::sqlite
