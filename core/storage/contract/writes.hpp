// Keys, conflicts, and that a write is done as a whole or not at all.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "storage/contract/fixture.hpp"

namespace data_bridge::storage::contract {

/// id, name, number: `name` once; a name and a number together once is what `both` adds.
inline Table named(std::vector<std::vector<std::size_t>> unique = {{1}}) {
  Table table;
  table.name = "named";
  table.columns = {column("id", ColumnKind::kInteger), column("name", ColumnKind::kText),
                   column("number", ColumnKind::kInteger)};
  table.unique = std::move(unique);
  return table;
}
inline Row name_row(Cell name, Cell number = {}, Cell id = {}) {
  return {std::move(id), std::move(name), std::move(number)};
}

TEST_P(StoreContract, AConflictNamesItsFields) {
  const auto items = open_table(*store_, named({{2, 1}}));
  const std::int64_t one = std::int64_t{1};
  ASSERT_EQ(add(*items, name_row("a", one, std::int64_t{7})), 7);
  add(*items, name_row("a", std::int64_t{2}));
  add(*items, name_row("b", one));
  const auto same = insert(*store_, *items, name_row("a", one));
  ASSERT_FALSE(same);
  EXPECT_EQ(same.error().code, Errc::kConflict);
  EXPECT_EQ(same.error().fields, (std::vector<std::string>{"number", "name"}));
  const auto key = insert(*store_, *items, name_row("c", one, std::int64_t{7}));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Errc::kConflict);
  EXPECT_EQ(key.error().fields, std::vector<std::string>{"id"});
  // A null is like no other.
  add(*items, name_row(Cell(), one));
  add(*items, name_row(Cell(), one));
  EXPECT_EQ(ids(*items, {.limit = 99}).size(), 5U);
}

TEST_P(StoreContract, AUniqueValueIsOneHoweverItIsWritten) {
  Table table = things();
  table.unique = {{kCost}, {kMade}};
  const auto items = open_table(*store_, table);
  add(*items, thing({{kCost, "1.10"}, {kMade, "2024-01-31T10:00:00Z"}}));
  const auto cost = insert(*store_, *items, thing({{kCost, "1.1"}}));
  ASSERT_FALSE(cost);
  EXPECT_EQ(cost.error().fields, std::vector<std::string>{"cost"});
  const auto made = insert(*store_, *items, thing({{kMade, "2024-01-31T11:00:00+01:00"}}));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().fields, std::vector<std::string>{"made"});
}

TEST_P(StoreContract, AReplacementStaysUnique) {
  const auto items = open_table(*store_, named());
  add(*items, name_row("a"));
  add(*items, name_row("b"));
  const auto replace = [&](std::int64_t key, Cell name) {
    bool found = false;
    auto done = submit(*store_, [&](WriteTransaction& transaction) -> Status {
                  auto replaced = transaction.replace(*items, Key(key), name_row(name, Cell(), key));
                  if (!replaced) return std::unexpected(std::move(replaced.error()));
                  found = *replaced;
                  return {};
                }).get();
    return done ? std::expected<bool, Error>(found) : std::unexpected(std::move(done.error()));
  };
  const auto taken = replace(1, "b");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errc::kConflict);
  EXPECT_EQ(taken.error().fields, std::vector<std::string>{"name"});
  EXPECT_EQ(replace(1, "a").value_or(false), true);  // by itself
  EXPECT_EQ(replace(1, "c").value_or(false), true);
  EXPECT_EQ(replace(2, "a").value_or(false), true);  // which is free now
  EXPECT_EQ(replace(3, "a").value_or(true), false);  // there is none, whose name could be taken
  EXPECT_FALSE(insert(*store_, *items, name_row("c")));
  EXPECT_EQ(where(*items, test({.column = 1, .members = {}, .kind = ColumnKind::kText}, Operator::kEqual, {"c"})),
            (Ids{1}));
}

TEST_P(StoreContract, ValuesAreExchangedWithinOneTransaction) {
  const auto items = open_table(*store_, named());
  add(*items, name_row("a"));
  add(*items, name_row("b"));
  const auto done =
      submit(*store_, [&](WriteTransaction& transaction) -> Status {
        EXPECT_TRUE(transaction.replace(*items, Key(std::int64_t{1}), name_row("x", {}, std::int64_t{1})));
        EXPECT_TRUE(transaction.replace(*items, Key(std::int64_t{2}), name_row("a", {}, std::int64_t{2})));
        EXPECT_TRUE(transaction.replace(*items, Key(std::int64_t{1}), name_row("b", {}, std::int64_t{1})));
        EXPECT_FALSE(transaction.replace(*items, Key(std::int64_t{1}), name_row("a", {}, std::int64_t{1})));
        return {};
      }).get();
  ASSERT_TRUE(done);
  for (const char* name : {"a", "b"}) EXPECT_FALSE(insert(*store_, *items, name_row(name))) << name;
  EXPECT_TRUE(insert(*store_, *items, name_row("x")));
}

TEST_P(StoreContract, WhatATableCannotHoldIsRejected) {
  Table table = named();
  table.columns[1].nullable = false;
  const auto items = open_table(*store_, table);
  for (const Row& row : {name_row(Cell()), name_row("a", "b")}) {
    const auto refused = insert(*store_, *items, row);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::kRejected);
  }
  EXPECT_TRUE(ids(*items, {.limit = 9}).empty());
}

TEST_P(StoreContract, KeysIncreaseAndAreNeverUsedTwice) {
  const auto items = open_table(*store_, named({}));
  EXPECT_EQ(add(*items, name_row("a")), 1);
  EXPECT_EQ(add(*items, name_row("b")), 2);
  const auto remove = [&](std::int64_t key) {
    bool found = false;
    EXPECT_TRUE(submit(*store_, [&](WriteTransaction& transaction) -> Status {
                  found = transaction.remove(*items, Key(key)).value_or(false);
                  return {};
                }).get());
    return found;
  };
  EXPECT_TRUE(remove(2));
  EXPECT_FALSE(remove(2));
  const std::int64_t third = add(*items, name_row("c"));
  EXPECT_GT(third, 2);
  EXPECT_EQ(add(*items, name_row("d", {}, std::int64_t{100})), 100);
  EXPECT_TRUE(remove(100));
  EXPECT_GT(add(*items, name_row("e")), 100);
  open_again();
  const auto again = open_table(*store_, named({}));
  EXPECT_GT(add(*again, name_row("f")), 101);
  // The greatest key of all leaves room for others.
  constexpr std::int64_t kGreatest = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(add(*again, name_row("g", {}, kGreatest)), kGreatest);
  const std::int64_t next = add(*again, name_row("h"));
  EXPECT_GT(next, 102);
  EXPECT_LT(next, 1000);
}

TEST_P(StoreContract, UuidsAreAssignedInOrder) {
  Table table = named({});
  table.columns[0] = column("id", ColumnKind::kUuid);
  table.key_kind = KeyKind::kUuid;
  const auto items = open_table(*store_, table);
  const auto first = insert(*store_, *items, name_row("a"));
  const auto second = insert(*store_, *items, name_row("b"));
  ASSERT_TRUE(first && second);
  const auto& key = std::get<std::string>((*first)[0]);
  EXPECT_LT(key, std::get<std::string>((*second)[0]));
  EXPECT_EQ(key.size(), 36U);
  EXPECT_EQ(key[14], '7');
  EXPECT_EQ(wait_for_get(*items, Key(key)).rows, std::vector<Row>{*first});
  EXPECT_TRUE(insert(*store_, *items, name_row("c", {}, "00000000-0000-4000-8000-000000000001")));
}

TEST_P(StoreContract, UuidsHaveTheVersionThatIsAskedFor) {
  Table table = named({});
  table.columns[0] = column("id", ColumnKind::kUuid);
  table.key_kind = KeyKind::kUuid;
  table.uuid_version = 4;
  const auto items = open_table(*store_, table);
  const auto made = insert(*store_, *items, name_row("a"));
  ASSERT_TRUE(made);
  EXPECT_EQ(std::get<std::string>((*made)[0])[14], '4');
}

TEST_P(StoreContract, AFailedJobHasDoneNothing) {
  const auto items = open_table(*store_, named());
  add(*items, name_row("a"));
  const auto outcome = submit(*store_, [&](WriteTransaction& transaction) -> Status {
                         Row row = name_row("b");
                         Row same = name_row("a");
                         EXPECT_TRUE(transaction.remove(*items, Key(std::int64_t{1})).value_or(false));
                         EXPECT_TRUE(transaction.insert(*items, row));
                         EXPECT_TRUE(transaction.insert(*items, same));
                         return std::unexpected(Error{Errc::kForbidden, {}, {}});
                       }).get();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Errc::kForbidden);
  EXPECT_EQ(ids(*items, {.limit = 9}), (Ids{1}));
  EXPECT_FALSE(insert(*store_, *items, name_row("a")));
  EXPECT_TRUE(insert(*store_, *items, name_row("b")));
}

TEST_P(StoreContract, AFailedCallLeavesTheTransactionUsable) {
  const auto items = open_table(*store_, named());
  const auto outcome = submit(*store_, [&](WriteTransaction& transaction) -> Status {
                         Row row = name_row("a");
                         Row same = name_row("a");
                         Row other = name_row("b");
                         EXPECT_TRUE(transaction.insert(*items, row));
                         EXPECT_FALSE(transaction.insert(*items, same));
                         EXPECT_TRUE(transaction.insert(*items, other));
                         return {};
                       }).get();
  EXPECT_TRUE(outcome);
  EXPECT_EQ(ids(*items, {.limit = 9}).size(), 2U);
}

TEST_P(StoreContract, AnAttemptUndoesItsOwnStepsOnly) {
  const auto items = open_table(*store_, named());
  add(*items, name_row("z"));
  const auto insert_in = [&](WriteTransaction& transaction, const char* name) {
    Row row = name_row(name);
    return transaction.insert(*items, row);
  };
  const auto outcome =
      submit(*store_, [&](WriteTransaction& transaction) -> Status {
        EXPECT_TRUE(insert_in(transaction, "a"));
        const auto failed = transaction.attempt([&]() -> Status {
          EXPECT_TRUE(insert_in(transaction, "b"));
          EXPECT_TRUE(transaction.remove(*items, Key(std::int64_t{1})).value_or(false));
          EXPECT_TRUE(transaction.attempt([&] { return insert_in(transaction, "c"); }));
          return insert_in(transaction, "a");
        });
        EXPECT_FALSE(failed);
        EXPECT_EQ(failed ? Errc::kInternal : failed.error().code, Errc::kConflict);
        EXPECT_TRUE(transaction.attempt([&] { return insert_in(transaction, "d"); }));
        const auto holds = [&](const char* name) {
          return transaction
              .holds(*items, test({.column = 1, .members = {}, .kind = ColumnKind::kText}, Operator::kEqual, {name}))
              .value_or(false);
        };
        for (const char* name : {"a", "d", "z"}) EXPECT_TRUE(holds(name)) << name;
        for (const char* name : {"b", "c"}) EXPECT_FALSE(holds(name)) << name;
        return insert_in(transaction, "b");
      }).get();
  ASSERT_TRUE(outcome) << outcome.error().detail;
  EXPECT_EQ(ids(*items, {.limit = 9}).size(), 4U);
  for (const char* name : {"a", "b", "d", "z"}) EXPECT_FALSE(insert(*store_, *items, name_row(name))) << name;
  EXPECT_TRUE(insert(*store_, *items, name_row("c")));
}

TEST_P(StoreContract, ATransactionSeesWhatItHasDone) {
  const auto items = open_table(*store_, named());
  add(*items, name_row("a"));
  const auto outcome = submit(*store_, [&](WriteTransaction& transaction) -> Status {
                         Row row = name_row("b");
                         EXPECT_TRUE(transaction.insert(*items, row));
                         KeptRead own;
                         EXPECT_TRUE(transaction.get(*items, to_key(row[0]), own).value_or(false));
                         EXPECT_TRUE(transaction.remove(*items, Key(std::int64_t{1})).value_or(false));
                         EXPECT_FALSE(transaction.get(*items, Key(std::int64_t{1}), own).value_or(true));
                         own.finish(0);
                         EXPECT_EQ(own.future().get().rows, std::vector<Row>{row});
                         return {};
                       }).get();
  EXPECT_TRUE(outcome);
}

TEST_P(StoreContract, SomeAreRemovedOfThoseThatAConditionHoldsFor) {
  const auto items = open_table(*store_, named({}));
  for (std::int64_t number = 1; number <= 6; ++number) add(*items, name_row("a", number));
  const Condition small =
      test({.column = 2, .members = {}, .kind = ColumnKind::kInteger}, Operator::kLess, {std::int64_t{5}});
  const auto remove = [&](std::size_t limit) {
    EXPECT_TRUE(submit(*store_, [&](WriteTransaction& t) { return t.remove_some(*items, small, limit); }).get());
    return ids(*items, {.limit = 9}).size();
  };
  EXPECT_EQ(remove(3), 3U);
  EXPECT_EQ(remove(3), 2U);
  EXPECT_EQ(remove(3), 2U);
  EXPECT_EQ(ids(*items, {.limit = 9}), (Ids{5, 6}));
}

}  // namespace data_bridge::storage::contract
