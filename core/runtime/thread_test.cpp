// What a thread of ours is to the rest of the process.
#include "runtime/thread.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <array>
#include <latch>
#include <string>

namespace data_bridge::runtime {
namespace {

TEST(StartThread, HasANameAndNoSignals) {
  std::latch named(1);
  std::string name;
  bool blocks = false;
  std::thread thread = start_thread("a_name_that_is_too_long", [&] {
    named.wait();
    std::array<char, 16> text{};
    pthread_getname_np(pthread_self(), text.data(), text.size());
    name = text.data();
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    blocks = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGCHLD) == 1;
  });
  named.count_down();
  thread.join();
  EXPECT_EQ(name, "a_name_that_is_");
  EXPECT_TRUE(blocks);
  sigset_t mine;
  pthread_sigmask(SIG_SETMASK, nullptr, &mine);
  EXPECT_EQ(sigismember(&mine, SIGTERM), 0);
}

}  // namespace
}  // namespace data_bridge::runtime
