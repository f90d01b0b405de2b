// A process that forks while its database is in use: neither of the two harms the other.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "runtime/sanitizers.hpp"
#include "storage/sqlite/test_support.hpp"

namespace data_bridge::storage::sqlite {
namespace {

// ThreadSanitizer ends a forked child of several threads that starts one.
constexpr bool kThreadsAfterFork = !DATA_BRIDGE_THREAD_SANITIZER;

std::size_t open_files_of(const std::string& path) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    count += std::filesystem::read_symlink(entry.path(), gone).string().starts_with(path) ? 1U : 0U;
  }
  return count;
}

Row item() { return {Cell(), std::string("x"), 1.0}; }

TEST(ForkTest, NothingOfTheDatabaseIsOpenWhileItIsSuspended) {
  TemporaryDirectory directory;
  const std::string path = directory.file("test.db");
  auto store = open_store(path);
  auto items = open_table(*store, products());
  ASSERT_TRUE(insert(*store, *items, item()));
  ASSERT_TRUE(get(*items, Key(std::int64_t{1})));
  ASSERT_NE(open_files_of(path), 0U);
  store->suspend();
  EXPECT_EQ(open_files_of(path), 0U);
  std::atomic<bool> suspended = true;
  std::jthread reader([&] {
    EXPECT_TRUE(get(*items, Key(std::int64_t{1})));
    EXPECT_FALSE(suspended);
  });
  Row row = item();
  auto write = submit(*store, [&](WriteTransaction& transaction) {
    EXPECT_FALSE(suspended);
    return transaction.insert(*items, row);
  });
  suspended = false;
  store->resume();
  EXPECT_TRUE(write.get());
}

TEST(ForkTest, ParentAndChildBothWriteAndNothingIsLost) {
  if (!kThreadsAfterFork) GTEST_SKIP() << "the child's store has a thread, which ThreadSanitizer does not allow";
  TemporaryDirectory directory;
  const std::string path = directory.file("test.db");
  auto store = open_store(path, {.busy_timeout = std::chrono::seconds(60)});
  auto items = open_table(*store, products());
  std::atomic<bool> stop = false;
  std::atomic<std::size_t> written = 0;
  std::jthread writer([&] {
    while (!stop) {
      ASSERT_TRUE(insert(*store, *items, item()));
      ++written;
    }
  });
  std::jthread reader([&] {
    while (!stop) {
      list(*items, {.after = {}, .limit = 20});
    }
  });
  constexpr std::size_t kChildren = 10;
  constexpr std::size_t kEach = 20;
  for (std::size_t child = 0; child < kChildren; ++child) {
    const std::size_t before = written;
    while (written < before + 10) {
      std::this_thread::yield();
    }
    store->suspend();
    const pid_t pid = fork();
    if (pid == 0) {
      // Never destroyed, as its threads are not here.
      auto* const forgotten = new std::shared_ptr<SqliteStore>(store);
      (*forgotten)->forget_in_child();
      int failures = 0;
      {
        auto mine = open_store(path, {.busy_timeout = std::chrono::seconds(60), .only_writer = false});
        auto table = open_table(*mine, products());
        for (std::size_t at = 0; at < kEach; ++at) {
          const auto row = insert(*mine, *table, item());
          failures += row && get(*table, Key(std::get<std::int64_t>((*row)[0]))) ? 0 : 1;
        }
        mine->close();
      }
      _exit(failures);
    }
    store->resume();
    ASSERT_GT(pid, 0);
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  stop = true;
  writer.join();
  reader.join();
  EXPECT_EQ(list(*items, {.after = {}, .limit = 1'000'000}).size(), written + kChildren * kEach);
}

// The end of a thread closes its connection, which takes locks, of SQLite's and of the file.
TEST(ForkTest, ThreadsThatEndMeanwhileAreNotInTheChildsWay) {
  if (!kThreadsAfterFork) GTEST_SKIP() << "the child's store has a thread, which ThreadSanitizer does not allow";
  TemporaryDirectory directory;
  const std::string path = directory.file("test.db");
  auto store = open_store(path);
  auto items = open_table(*store, products());
  ASSERT_TRUE(insert(*store, *items, item()));
  std::atomic<bool> stop = false;
  const auto read_in_new_threads = [&] {
    while (!stop) {
      std::thread([&] { list(*items, {.after = {}, .limit = 20}); }).join();
    }
  };
  std::jthread one(read_in_new_threads);
  std::jthread other(read_in_new_threads);
  for (int child = 0; child < 200; ++child) {
    store->suspend();
    const std::size_t open_files = open_files_of(path);
    const pid_t pid = fork();
    if (pid == 0) {
      auto* const forgotten = new std::shared_ptr<SqliteStore>(store);
      (*forgotten)->forget_in_child();
      alarm(20);  // a mutex that nobody gives back
      auto mine = open_store(path, {.busy_timeout = std::chrono::seconds(5), .only_writer = false});
      auto table = open_table(*mine, products());
      const bool written = insert(*mine, *table, item()).has_value();
      mine->close();
      _exit(written ? 0 : 1);
    }
    store->resume();
    EXPECT_EQ(open_files, 0U);
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_EQ(status, 0) << "child " << child;
  }
  stop = true;
}

}  // namespace
}  // namespace data_bridge::storage::sqlite
