// Copies of a database that is being written to, and what is found in a damaged one.
#include "storage/sqlite/maintenance.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "storage/sqlite/test_support.hpp"

namespace data_bridge::storage::sqlite {
namespace {

Row item(const std::string& name) { return {Cell(), name, 1.0}; }

Status back_up(const std::string& path, const std::string& target) {
  auto backup = Backup::begin(path, target);
  if (!backup) return std::unexpected(backup.error());
  for (;;) {
    auto done = backup->step();
    if (!done) return std::unexpected(done.error());
    if (*done) return {};
  }
}

TEST(MaintenanceTest, ACopyIsTheDatabaseAtOneMomentWhileItIsWrittenTo) {
  TemporaryDirectory directory;
  const std::string path = directory.file("test.db");
  auto store = open_store(path);
  auto items = open_table(*store, products());
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(insert(*store, *items, item(std::string(4000, 'x'))));
  std::atomic<bool> stop = false;
  std::jthread writer([&] {
    while (!stop) ASSERT_TRUE(insert(*store, *items, item(std::string(4000, 'y'))));
  });
  auto backup = Backup::begin(path, directory.file("copy.db"));
  ASSERT_TRUE(backup) << backup.error().detail;
  const std::size_t before = list(*items, {.after = {}, .limit = 1'000'000}).size();
  int steps = 0;
  for (bool done = false; !done; ++steps) {
    EXPECT_FALSE(std::filesystem::exists(directory.file("copy.db")));
    auto step = backup->step();
    ASSERT_TRUE(step) << step.error().detail;
    done = *step;
    EXPECT_LE(backup->copied(), backup->total());
  }
  EXPECT_GT(steps, 1);
  EXPECT_EQ(backup->copied(), backup->total());
  while (list(*items, {.after = {}, .limit = 1'000'000}).size() <= before) std::this_thread::yield();
  stop = true;
  writer.join();
  EXPECT_FALSE(std::filesystem::exists(directory.file("copy.db.unfinished")));
  const auto damage = find_damage(directory.file("copy.db"));
  ASSERT_TRUE(damage) << damage.error().detail;
  EXPECT_TRUE(damage->empty());
  auto copy = open_store(directory.file("copy.db"));
  const std::size_t copied = list(*open_table(*copy, products()), {.after = {}, .limit = 1'000'000}).size();
  EXPECT_GE(copied, 2000U);
  EXPECT_LE(copied, before);
}

TEST(MaintenanceTest, ACopyDoesNotReplaceAFileAndDoesNotInventADatabase) {
  TemporaryDirectory directory;
  const std::string path = directory.file("test.db");
  const auto missing = back_up(path, directory.file("copy.db"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::kUnavailable);
  EXPECT_FALSE(std::filesystem::exists(path));
  auto store = open_store(path);
  auto items = open_table(*store, products());
  ASSERT_TRUE(insert(*store, *items, item("a")));
  std::ofstream(directory.file("copy.db")) << "somebody's";
  const auto there = back_up(path, directory.file("copy.db"));
  ASSERT_FALSE(there);
  EXPECT_EQ(there.error().code, Errc::kInvalidArgument);
  EXPECT_FALSE(back_up(path, directory.file("no/such/copy.db")));
  EXPECT_FALSE(back_up(path, ""));
}

TEST(MaintenanceTest, ACopyThatIsBrokenOffLeavesNothing) {
  TemporaryDirectory directory;
  const std::string path = directory.file("test.db");
  auto store = open_store(path);
  auto items = open_table(*store, products());
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(insert(*store, *items, item(std::string(4000, 'x'))));
  {
    auto backup = Backup::begin(path, directory.file("copy.db"));
    ASSERT_TRUE(backup);
    const auto step = backup->step();
    ASSERT_TRUE(step);
    EXPECT_FALSE(*step);
    EXPECT_TRUE(std::filesystem::exists(directory.file("copy.db.unfinished")));
  }
  EXPECT_FALSE(std::filesystem::exists(directory.file("copy.db.unfinished")));
  EXPECT_FALSE(std::filesystem::exists(directory.file("copy.db")));
}

TEST(MaintenanceTest, DamageIsFound) {
  TemporaryDirectory directory;
  const std::string path = directory.file("test.db");
  {
    auto store = open_store(path);
    auto items = open_table(*store, products());
    for (int i = 0; i < 500; ++i) ASSERT_TRUE(insert(*store, *items, item(std::string(400, 'x'))));
    store->close();
  }
  const auto whole = find_damage(path);
  ASSERT_TRUE(whole);
  EXPECT_TRUE(whole->empty());
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 5);
    file << std::string(4096, '\xee');
  }
  const auto damage = find_damage(path);
  if (damage) {
    EXPECT_FALSE(damage->empty());
  } else {
    EXPECT_EQ(damage.error().code, Errc::kCorrupt);
  }
  EXPECT_FALSE(find_damage(directory.file("none.db")));
  EXPECT_FALSE(std::filesystem::exists(directory.file("none.db")));
}

}  // namespace
}  // namespace data_bridge::storage::sqlite
