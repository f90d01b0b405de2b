// kill -9 in full load: every write that was reported as durable is there.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <thread>

#include "storage/sqlite/test_support.hpp"

namespace data_bridge::storage::sqlite {
namespace {

// Writes for ever; tells each key that became durable through the pipe.
[[noreturn]] void write_until_killed(const std::string& path, int pipe) {
  auto store = open_store(path);
  auto items = open_table(*store, products());
  std::vector<std::jthread> clients;
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([&] {
      for (;;) {
        const auto row = insert(*store, *items, {Cell(), std::string(100, 'x'), 1.0});
        const std::int64_t key = row ? std::get<std::int64_t>((*row)[0]) : -1;
        if (write(pipe, &key, sizeof(key)) != sizeof(key)) {
          _exit(1);
        }
      }
    });
  }
  for (;;) {
    pause();
  }
}

TEST(CrashTest, AnAnsweredWriteSurvivesKill9) {
  TemporaryDirectory directory;
  const std::string path = directory.file("test.db");
  std::vector<std::int64_t> answered;
  for (int round = 0; round < 3; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ends[0]);
      write_until_killed(path, ends[1]);
    }
    close(ends[1]);
    const std::size_t goal = answered.size() + 1500;
    std::int64_t key = 0;
    while (answered.size() < goal && read(ends[0], &key, sizeof(key)) == sizeof(key)) {
      ASSERT_GT(key, 0);
      answered.push_back(key);
    }
    ASSERT_EQ(kill(child, SIGKILL), 0);
    while (read(ends[0], &key, sizeof(key)) == sizeof(key)) {
      answered.push_back(key);  // told before the end
    }
    close(ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  ASSERT_GT(answered.size(), 4000U);
  auto store = open_store(path);
  auto items = open_table(*store, products());
  for (const std::int64_t key : answered) {
    ASSERT_TRUE(get(*items, Key(key))) << key;
  }
}

}  // namespace
}  // namespace data_bridge::storage::sqlite
