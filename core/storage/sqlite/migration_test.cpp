#include "storage/sqlite/migration.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "storage/sqlite/sql_connection.hpp"
#include "storage/sqlite/test_support.hpp"

namespace data_bridge::storage::sqlite {
namespace {

Column column(std::string name, ColumnKind kind, bool nullable = false, std::optional<Cell> value = {}) {
  return {.name = std::move(name), .kind = kind, .nullable = nullable, .default_value = std::move(value)};
}

class MigrationTest : public testing::Test {
 protected:
  MigrationTest() {
    run("CREATE TABLE products (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, price ANY CHECK "
        "(typeof(\"price\") IN ('real', 'integer', 'null'))) STRICT;"
        "INSERT INTO products VALUES (1, '10', 1.5), (2, '20', -0.25), (9, '30', NULL); DELETE FROM products WHERE "
        "id=9");
  }

  void run(const std::string& sql) {
    auto connection = SqlConnection::open(path_, Access::kCreate, std::chrono::milliseconds(100));
    ASSERT_TRUE(connection) << connection.error().detail;
    const auto done = connection->execute(sql);
    ASSERT_TRUE(done) << done.error().detail;
  }

  /// All rows of a query, cells with '|', rows with ';' behind.
  std::string rows(const std::string& sql) {
    auto connection = SqlConnection::open(path_, Access::kRead, std::chrono::milliseconds(100));
    EXPECT_TRUE(connection);
    auto query = connection->prepare(sql);
    EXPECT_TRUE(query) << query.error().detail;
    std::string text;
    while (sqlite3_step(query->get()) == SQLITE_ROW) {
      for (int at = 0; at < sqlite3_column_count(query->get()); ++at) {
        const auto* const cell = reinterpret_cast<const char*>(sqlite3_column_text(query->get(), at));  // NOLINT
        text += std::string(at == 0 ? "" : "|") + (cell == nullptr ? "NULL" : cell);
      }
      text += ";";
    }
    return text;
  }

  TablePlan plan(const Table& table, const MigrationConsent& consent = {}) {
    const std::string before = rows("SELECT name, sql FROM sqlite_schema") + rows("SELECT * FROM products");
    auto planned = plan_migration(path_, {table}, consent);
    EXPECT_TRUE(planned) << planned.error().detail;
    EXPECT_EQ(rows("SELECT name, sql FROM sqlite_schema") + rows("SELECT * FROM products"), before);
    return planned.value().at(0);
  }

  TablePlan apply(const Table& table, const MigrationConsent& consent = {}) {
    const TablePlan planned = plan(table, consent);
    auto done = migrate(path_, {table}, consent);
    EXPECT_TRUE(done) << done.error().detail;
    if (!done) return {};
    EXPECT_EQ(done->at(0).statements, planned.statements);
    return done->at(0);
  }

  void expect_start(const Table& table) {
    const auto store = open_store(path_);
    const auto opened = store->open_collection(table);
    EXPECT_TRUE(opened) << opened.error().detail;
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_.file("test.db");
};

using Texts = std::vector<std::string>;

TEST_F(MigrationTest, NothingIsToBeDoneWhereAllAgrees) {
  const TablePlan planned = apply(products());
  EXPECT_EQ(planned.statements, Texts());
  EXPECT_EQ(planned.left, Texts());
}

TEST_F(MigrationTest, WithoutADatabaseAllIsMissingAndNoneIsMadeForAPlan) {
  const std::string path = directory_.file("none.db");
  const auto planned = plan_migration(path, {products()}, {});
  ASSERT_TRUE(planned);
  ASSERT_EQ(planned->at(0).statements.size(), 1U);
  EXPECT_TRUE(planned->at(0).statements[0].starts_with("CREATE TABLE \"products\""));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(MigrationTest, AColumnChangesItsTypeOnlyWhereNamed) {
  Table table = products();
  table.columns[1].kind = ColumnKind::kInteger;
  const TablePlan unnamed = apply(table);
  EXPECT_EQ(unnamed.statements, Texts());
  ASSERT_EQ(unnamed.left.size(), 1U);
  EXPECT_TRUE(unnamed.left[0].ends_with("but the model needs INTEGER NOT NULL; --convert \"products.name\""));
  const TablePlan named = apply(table, {.convert = {"products.name"}});
  EXPECT_EQ(named.left, Texts());
  EXPECT_EQ(rows("SELECT id, name, typeof(name), price FROM products"), "1|10|integer|1.5;2|20|integer|-0.25;");
  expect_start(table);
}

TEST_F(MigrationTest, WhatHasNoFormInItsNewColumnStopsAll) {
  run("INSERT INTO products VALUES (5, '007', 1)");
  Table table = products();
  table.columns[1].kind = ColumnKind::kInteger;
  table.columns.push_back(column("note", ColumnKind::kText, true));
  const MigrationConsent consent{.convert = {"products.name"}};
  const TablePlan planned = plan(table, consent);
  ASSERT_EQ(planned.left.size(), 1U);
  EXPECT_EQ(planned.left[0], "table \"products\", item 5: its \"name\" cannot be converted without loss");
  const std::string before = rows("SELECT sql FROM sqlite_schema") + rows("SELECT * FROM products");
  const auto done = migrate(path_, {table}, consent);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().detail, planned.left[0]);
  EXPECT_EQ(rows("SELECT sql FROM sqlite_schema") + rows("SELECT * FROM products"), before);
}

TEST_F(MigrationTest, ADeletedKeyIsNotAssignedAfterACopyEither) {
  Table table = products();
  table.columns[1].nullable = true;
  EXPECT_EQ(apply(table).left, Texts());
  auto store = open_store(path_);
  auto items = open_table(*store, table);
  EXPECT_EQ(insert(*store, *items, {Cell(), Cell(), 1.0}).value()[0], Cell(std::int64_t{10}));
}

TEST_F(MigrationTest, ADeletedKeyIsNotAssignedAfterACopyOfAnEmptyTableEither) {
  run("DELETE FROM products");
  Table table = products();
  table.columns.push_back(column("stock", ColumnKind::kInteger));
  EXPECT_EQ(apply(table).left, Texts());
  auto store = open_store(path_);
  auto items = open_table(*store, table);
  EXPECT_EQ(insert(*store, *items, {Cell(), std::string("a"), 1.0, std::int64_t{1}}).value()[0],
            Cell(std::int64_t{10}));
}

TEST_F(MigrationTest, NullStopsAColumnThatTakesNone) {
  run("ALTER TABLE products ADD COLUMN note TEXT; UPDATE products SET note='n' WHERE id=1");
  Table table = products();
  table.columns.push_back(column("note", ColumnKind::kText));
  const auto done = migrate(path_, {table}, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().detail, "table \"products\", item 2: its \"note\" is NULL, which the field does not take");
  run("UPDATE products SET note='m' WHERE id=2");
  EXPECT_EQ(apply(table).left, Texts());
  EXPECT_EQ(rows("SELECT id, note FROM products"), "1|n;2|m;");
  expect_start(table);
}

TEST_F(MigrationTest, ADropHasToBeNamedAndKeepsIndexesAndTriggersOfOthers) {
  run("ALTER TABLE products ADD COLUMN \"o'ld\" TEXT; CREATE INDEX theirs ON products (price);"
      "CREATE TABLE log (text); CREATE VIEW v AS SELECT name FROM products;"
      "CREATE TRIGGER told AFTER INSERT ON products BEGIN INSERT INTO log VALUES (new.name); END");
  Table table = products();
  table.unique = {{1}};
  const TablePlan unnamed = apply(table);
  EXPECT_EQ(unnamed.left, Texts{"it has a column \"o'ld\" that the model has not; --drop \"products.o'ld\""});
  EXPECT_EQ(unnamed.statements.size(), 1U);  // the index
  EXPECT_EQ(apply(table, {.drop = {"products.o'ld"}}).left, Texts());
  EXPECT_EQ(rows("SELECT name FROM pragma_table_info('products')"), "id;name;price;");
  EXPECT_EQ(rows("SELECT name FROM sqlite_schema WHERE tbl_name='products' ORDER BY name"),
            "products;products.unique.name;theirs;told;");
  expect_start(table);
  run("INSERT INTO products (name) VALUES ('new')");
  EXPECT_EQ(rows("SELECT * FROM log"), "new;");
  EXPECT_EQ(rows("SELECT * FROM v"), "10;20;new;");
}

TEST_F(MigrationTest, ValuesOfAnEarlierReleaseAreRewritten) {
  run("ALTER TABLE products ADD COLUMN day TEXT; UPDATE products SET day='\"2024-01-31\"' WHERE id=1;"
      "UPDATE products SET day='2024-02-01' WHERE id=2");
  Table table = products();
  table.columns.push_back(column("day", ColumnKind::kDate, true));
  const TablePlan done = apply(table);
  EXPECT_EQ(done.left, Texts());
  EXPECT_EQ(done.statements.size(), 1U);
  EXPECT_EQ(rows("SELECT day FROM products"), "2024-01-31;2024-02-01;");
}

TEST_F(MigrationTest, ForeignValuesAreConvertedWhereNamed) {
  run("CREATE TABLE loose (id INTEGER PRIMARY KEY, stock INTEGER NOT NULL); INSERT INTO loose VALUES (3, 'many')");
  Table table = products();
  table.name = "loose";
  table.columns.resize(1);
  table.columns.push_back(column("stock", ColumnKind::kInteger));
  EXPECT_EQ(plan(table).left,
            Texts{"column \"stock\" of the item 3 holds what is no integer; --convert \"loose.stock\""});
  const auto refused = migrate(path_, {table}, {.convert = {"loose.stock"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail, "table \"loose\", item 3: its \"stock\" cannot be converted without loss");
  run("UPDATE loose SET stock=X'3132'");
  EXPECT_EQ(apply(table, {.convert = {"loose.stock"}}).left, Texts());
  EXPECT_EQ(rows("SELECT stock, typeof(stock) FROM loose"), "12|integer;");
}

TEST_F(MigrationTest, WhatIsNotOfTheModelsMakingIsNotCopied) {
  run("CREATE TABLE owned (id INTEGER PRIMARY KEY AUTOINCREMENT, owner INTEGER NOT NULL REFERENCES products(id)) "
      "STRICT");
  Table table = products();
  table.name = "owned";
  table.columns = {table.columns[0], column("owner", ColumnKind::kInteger, true)};
  const TablePlan done = apply(table);
  EXPECT_EQ(done.statements, Texts());
  ASSERT_EQ(done.left.size(), 1U);
  EXPECT_TRUE(done.left[0].contains("constraints or columns that are not of its model's making")) << done.left[0];
}

TEST_F(MigrationTest, ATableThatOthersReferToIsCopied) {
  run("CREATE TABLE lines (product INTEGER REFERENCES products(id) ON DELETE CASCADE); INSERT INTO lines VALUES (2)");
  Table table = products();
  table.columns[1].nullable = true;
  EXPECT_EQ(apply(table).left, Texts());
  EXPECT_EQ(rows("SELECT product FROM lines"), "2;");
  run("DELETE FROM products WHERE id=2");
  EXPECT_EQ(rows("SELECT product FROM lines"), "");
}

TEST_F(MigrationTest, IndexesThatAreNotNeededAnyMoreAreDroppedWhereNamed) {
  Table table = products();
  table.unique = {{1}};
  apply(table);
  Table other = products();
  other.indexes = {{{.column = 2, .kind = other.columns[2].kind}}};
  // Of two mounts of a table each has its own.
  const auto both = migrate(path_, {table, other}, {});
  ASSERT_TRUE(both);
  EXPECT_EQ(both->at(0).left, Texts());
  EXPECT_EQ(both->at(1).left, Texts());
  expect_start(products());
  EXPECT_EQ(apply(products()).left.size(), 2U);
  EXPECT_EQ(apply(products(), {.drop = {"products.unique.name", "products.index.price"}}).left, Texts());
  EXPECT_EQ(rows("SELECT name FROM sqlite_schema WHERE type='index'"), "");
}

TEST_F(MigrationTest, ATableOfSomebodyElseIsLeftAlone) {
  Table table = products();
  table.migrate = false;
  table.columns.push_back(column("note", ColumnKind::kText, true));
  const TablePlan done = apply(table);
  EXPECT_TRUE(done.only_checked);
  EXPECT_EQ(done.statements, Texts{"ALTER TABLE \"products\" ADD COLUMN \"note\" TEXT"});
  EXPECT_EQ(rows("SELECT name FROM pragma_table_info('products')"), "id;name;price;");
}

TEST_F(MigrationTest, AKeyAndAViewStay) {
  Table table = products();
  table.key_column = 1;
  table.key_kind = KeyKind::kString;
  EXPECT_EQ(apply(table).left.size(), 2U);
  run("CREATE VIEW seen AS SELECT 1 AS id");
  Table view = products();
  view.name = "seen";
  EXPECT_EQ(apply(view).left, Texts{"it is a view"});
}

}  // namespace
}  // namespace data_bridge::storage::sqlite
