// Random items, conditions, orders and writes: this store and SQLite's, which share no code, answer alike.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "storage/contract/things.hpp"
#include "storage/later/later_store.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace data_bridge::storage::later {
namespace {

using namespace contract;

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::size_t below(std::size_t bound) { return engine_() % bound; }
  bool once_in(std::size_t times) { return below(times) == 0; }
  template <typename Value>
  const Value& one_of(const std::vector<Value>& values) {
    return values[below(values.size())];
  }

 private:
  std::mt19937_64 engine_;
};

// Few, so that values meet; next to each other and in several spellings.
const std::vector<Cell>& values_of(ColumnKind kind) {
  using Cells = std::vector<Cell>;
  constexpr auto kInt = [](std::int64_t number) { return Cell(number); };
  static const Cells integers{kInt(0),        kInt(1), kInt(-1), kInt(9007199254740992), kInt(9007199254740993),
                              kInt(INT64_MAX)};
  static const Cells reals{0.0,
                           -0.0,
                           1.0,
                           kInt(1),
                           0.1,
                           9007199254740992.0,
                           kInt(9007199254740993),
                           1e300,
                           -std::numeric_limits<double>::infinity()};
  static const Cells texts{
      "", "a", "A", "ab", "b", "\xC3\x9F", "SS", std::string("a\0b", 3), "100%", "\xEF\xBF\xBD", "\xF0\x9F\x98\x80"};
  static const Cells booleans{kInt(0), kInt(1)};
  static const Cells uuids{"00000000-0000-4000-8000-00000000000a", "ffffffff-0000-4000-8000-00000000000a"};
  static const Cells datetimes{"2024-01-31T10:00:00Z", "2024-01-31T15:30:00+05:30", "2024-01-31T10:00:00.000001",
                               "0001-01-01T00:00:00+12:00"};
  static const Cells dates{"2024-01-31", "2024-02-01", "0001-01-01"};
  static const Cells times{"09:00:00+02:00", "07:00:00", "23:59:59.999999Z", "00:00:00+14:00"};
  static const Cells durations{"PT24H", "P1D", "-P1D", "PT0.5S", "P1DT0.000001S"};
  static const Cells decimals{"1.10", "1.1", "10", "-2", "0", "-0.0", "1E+30", "0.1000000000000000000000000001"};
  static const Cells big{"0", "9223372036854775808", "100000000000000000000", "-100000000000000000000"};
  switch (kind) {
    case ColumnKind::kInteger:
      return integers;
    case ColumnKind::kReal:
      return reals;
    case ColumnKind::kBoolean:
      return booleans;
    case ColumnKind::kUuid:
      return uuids;
    case ColumnKind::kDatetime:
      return datetimes;
    case ColumnKind::kDate:
      return dates;
    case ColumnKind::kTime:
      return times;
    case ColumnKind::kDuration:
      return durations;
    case ColumnKind::kDecimal:
      return decimals;
    case ColumnKind::kBigInteger:
      return big;
    case ColumnKind::kText:
    case ColumnKind::kJson:
      break;
  }
  return texts;
}

Cell random_document(Random& random) {
  static const std::vector<std::string> integers{"0", "7", "-7", "12345678901234567890", "null"};
  static const std::vector<std::string> texts{R"("a")", R"("A")", R"("a\u0000\"")", R"("")", "null"};
  static const std::vector<std::string> reals{"1.5", "3", "-0.0", "1e300", "null"};
  static const std::vector<std::string> datetimes{R"("2024-01-31T10:00:00Z")", R"("2024-01-31T15:30:00+05:30")",
                                                  "null"};
  std::string members;
  const auto add = [&](const char* name, const std::string& value) {
    if (random.once_in(5)) return;
    members += (members.empty() ? "\"" : ",\"") + std::string(name) + "\":" + value;
  };
  add("n", random.one_of(integers));
  add("city", random.one_of(texts));
  add("x", random.one_of(reals));
  add("at", random.one_of(datetimes));
  add("on", random.once_in(2) ? "true" : "false");
  add("tags", "[" + random.one_of(texts) + "," + random.one_of(texts) + "]");
  add("numbers", random.once_in(3) ? "[]" : "[" + random.one_of(integers) + "," + random.one_of(integers) + "]");
  return "{" + members + "}";
}

Row random_row(Random& random) {
  Row row(kPlaces);
  for (std::size_t at = kName; at < kPlaces; ++at) {
    if (random.once_in(3)) continue;
    row[at] = at == kDocument ? random_document(random) : random.one_of(values_of(things().columns[at].kind));
  }
  return row;
}

Field random_field(Random& random) {
  static const std::vector<Field> within{inner("n", ColumnKind::kInteger), inner("city", ColumnKind::kText),
                                         inner("x", ColumnKind::kReal), inner("at", ColumnKind::kDatetime),
                                         inner("on", ColumnKind::kBoolean)};
  return random.once_in(3) ? random.one_of(within) : field(static_cast<Place>(random.below(kDocument)));
}

Condition random_test(Random& random) {
  if (random.once_in(8)) {
    const ColumnKind kind = random.once_in(2) ? ColumnKind::kText : ColumnKind::kInteger;
    const Cell value = kind == ColumnKind::kText
                           ? random.one_of(values_of(kind))
                           : random.one_of(std::vector<Cell>{std::int64_t{7}, std::int64_t{0}, "12345678901234567890"});
    return test(inner(kind == ColumnKind::kText ? "tags" : "numbers", kind, true), Operator::kContains, {value});
  }
  const Field of = random_field(random);
  auto op = static_cast<Operator>(random.below(13));
  const bool is_of_text = op == Operator::kContains || op == Operator::kContainsAnyCase ||
                          op == Operator::kStartsWith || op == Operator::kEndsWith;
  if (is_of_text && of.kind != ColumnKind::kText) op = Operator::kGreater;
  if (op == Operator::kIsNull) return test(of, op, {static_cast<std::int64_t>(random.below(2))});
  const bool takes_null = op <= Operator::kNotEqual || op == Operator::kIn || op == Operator::kNotIn;
  std::vector<Cell> values(op == Operator::kIn || op == Operator::kNotIn ? random.below(4) : 1);
  for (Cell& value : values) {
    if (!takes_null || !random.once_in(5)) value = random.one_of(values_of(of.kind));
  }
  return test(of, op, std::move(values));
}

Condition random_condition(Random& random, int depth) {
  if (depth == 0 || random.once_in(2)) return random_test(random);
  if (random.once_in(3)) return negation(random_condition(random, depth - 1));
  Condition condition{.type = random.once_in(2) ? Condition::Type::kAll : Condition::Type::kAny};
  for (std::size_t part = random.below(4); part != 0; --part) {
    condition.parts.push_back(random_condition(random, depth - 1));
  }
  return condition;
}

ListQuery random_query(Random& random) {
  ListQuery query{.limit = 1000, .wants_total = random.once_in(2)};
  if (!random.once_in(4)) query.condition = random_condition(random, 3);
  if (random.once_in(3)) return query;
  for (std::size_t terms = random.below(3); terms != 0; --terms) {
    query.sort.push_back({.field = random_field(random), .descending = random.once_in(2)});
    if (query.sort.back().field == field(kId)) return query;
  }
  query.sort.push_back({.field = field(kId), .descending = random.once_in(2)});
  return query;
}

/// The columns alone: what stands behind them is for each store to write as it likes.
std::vector<Row> columns_of(std::vector<Row> rows) {
  for (Row& row : rows) row.resize(kPlaces);
  return rows;
}

class DifferentialTest : public testing::TestWithParam<std::uint64_t> {
 protected:
  DifferentialTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "data_bridge_XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    Table table = things();
    table.unique = {random_.once_in(2) ? std::vector<std::size_t>{kCost} : std::vector<std::size_t>{kName, kMade}};
    stores_ = {*LaterStore::open(directory_, {.timing = {.max_delay = std::chrono::microseconds(50)}}),
               *sqlite::SqliteStore::open(directory_ + "/test.db")};
    for (const auto& store : stores_) items_.push_back(open_table(*store, table));
  }
  ~DifferentialTest() override {
    for (const auto& store : stores_) store->close();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  /// What a step did, as text.
  using Step = std::function<std::string(WriteTransaction&, Collection&)>;

  static std::string words_of(const Error& error) {
    std::string text = "error " + std::to_string(static_cast<int>(error.code));
    for (const std::string& field : error.fields) text += " " + field;
    return text;
  }
  template <typename Done>
  static std::string words_of(const std::expected<Done, Error>& done) {
    if (!done) return words_of(done.error());
    if constexpr (std::is_same_v<Done, bool>) return *done ? "yes" : "no";
    return "done";
  }

  Step random_step() {
    const Key key = static_cast<std::int64_t>(random_.below(80));
    switch (random_.below(6)) {
      case 0:
        return [key](WriteTransaction& transaction, Collection& items) {
          return words_of(transaction.remove(items, key));
        };
      case 1:
        return [condition = random_condition(random_, 2)](WriteTransaction& transaction, Collection& items) {
          return words_of(transaction.holds(items, condition));
        };
      case 2: {
        Row row = random_row(random_);
        row[kId] = std::get<std::int64_t>(key);
        return [key, row](WriteTransaction& transaction, Collection& items) {
          return words_of(transaction.replace(items, key, row));
        };
      }
      default:
        return [row = random_row(random_)](WriteTransaction& transaction, Collection& items) {
          Row stored = row;
          const auto done = transaction.insert(items, stored);
          return words_of(done) + (done ? " " + std::to_string(std::get<std::int64_t>(stored[kId])) : "");
        };
    }
  }

  void write() {
    std::vector<Step> steps;
    for (std::size_t count = 1 + random_.below(5); count != 0; --count) steps.push_back(random_step());
    const bool fails = random_.once_in(4);
    const std::size_t undone_from = random_.below(steps.size() + 1);
    std::vector<std::vector<std::string>> logs(stores_.size());
    for (std::size_t at = 0; at < stores_.size(); ++at) {
      const auto done = submit(*stores_[at], [&](WriteTransaction& transaction) -> Status {
                          const auto run = [&](std::size_t from, std::size_t to) {
                            for (; from < to; ++from) logs[at].push_back(steps[from](transaction, *items_[at]));
                          };
                          run(0, undone_from);
                          static_cast<void>(transaction.attempt([&]() -> Status {
                            run(undone_from, steps.size());
                            return std::unexpected(Error{});
                          }));
                          return fails ? Status(std::unexpected(Error{})) : Status();
                        }).get();
      EXPECT_EQ(done.has_value(), !fails);
    }
    EXPECT_EQ(logs[0], logs[1]);
  }

  void read() {
    const ListQuery query = random_query(random_);
    const Found later = wait_for_list(*items_[0], query);
    const Found sqlite = wait_for_list(*items_[1], query);
    ASSERT_TRUE(later.count.has_value() && sqlite.count.has_value()) << sqlite.count.error().detail;
    EXPECT_EQ(*later.count, *sqlite.count);
    const auto all = columns_of(later.rows);
    ASSERT_EQ(all, columns_of(sqlite.rows));
    const std::size_t size = 1 + random_.below(20);
    for (const auto& items : items_) EXPECT_EQ(columns_of(walk(*items, query, size)), all) << size;
  }

  Random random_{GetParam()};
  std::string directory_;
  std::vector<std::shared_ptr<Store>> stores_;
  std::vector<std::shared_ptr<Collection>> items_;
};

TEST_P(DifferentialTest, BothStoresAnswerAlike) {
  for (int round = 0; round < 60 && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    write();
    for (int query = 0; query < 4; ++query) read();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, DifferentialTest, testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace data_bridge::storage::later
