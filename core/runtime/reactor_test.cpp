// The Reactor's promises: stale events, order of timers and tasks, wake-ups, turn-end hooks.
#include "runtime/reactor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/file_descriptor.hpp"

namespace data_bridge::runtime {
namespace {

using std::chrono::milliseconds;

struct FunctionHandler final : IoHandler {
  std::function<void(std::uint32_t)> function;
  void on_events(std::uint32_t events) noexcept override { function(events); }
};

struct CountingHook final : TurnHook {
  int calls = 0;
  std::function<void()> then;
  void on_turn_end() noexcept override {
    ++calls;
    if (then) then();
  }
};

struct Pair {
  FileDescriptor left;
  FileDescriptor right;
  Pair() {
    std::array<int, 2> fds{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0) {
      left.reset(fds[0]);
      right.reset(fds[1]);
    }
  }
};

void turn(Reactor& reactor, std::chrono::nanoseconds timeout = milliseconds(0)) {
  reactor.wait(timeout);
  reactor.dispatch();
  reactor.finish_turn();
}

void send_byte(const FileDescriptor& fd) { ASSERT_EQ(write(fd.get(), "x", 1), 1); }

TEST(Reactor, GoesRoundTheDescriptorsThatAreReady) {
  // All stay ready, and there are three turns' worth of them: none is served twice before all were served once.
  Reactor reactor;
  std::vector<Pair> pairs(3 * Reactor::kEventsPerTurn);
  std::vector<FunctionHandler> handlers(pairs.size());
  std::vector<int> served(pairs.size());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    handlers[i].function = [&served, i](std::uint32_t) { ++served[i]; };
    ASSERT_FALSE(reactor.add(pairs[i].left.get(), EPOLLIN, handlers[i]));
    send_byte(pairs[i].right);
  }
  for (int round = 1; round <= 3; ++round) {
    for (int i = 0; i < 3; ++i) turn(reactor);
    EXPECT_EQ(served, std::vector<int>(pairs.size(), round));
  }
}

TEST(Reactor, CallsHandlerUntilInputIsConsumed) {
  Reactor reactor;
  const Pair pair;
  FunctionHandler handler;
  int calls = 0;
  handler.function = [&](std::uint32_t events) {
    EXPECT_TRUE(events & EPOLLIN);
    if (++calls == 2) {
      char byte = 0;
      EXPECT_EQ(read(pair.left.get(), &byte, 1), 1);
    }
  };
  ASSERT_FALSE(reactor.add(pair.left.get(), EPOLLIN, handler));
  turn(reactor);
  EXPECT_EQ(calls, 0);
  send_byte(pair.right);
  turn(reactor);
  turn(reactor);
  turn(reactor);
  EXPECT_EQ(calls, 2) << "level-triggered: called again while unread, not after";
}

TEST(Reactor, DropsEventsOfARegistrationRemovedInTheSameTurn) {
  Reactor reactor;
  const Pair one;
  const Pair two;
  FunctionHandler first;
  FunctionHandler second;
  int calls = 0;
  first.function = [&](std::uint32_t) {
    ++calls;
    reactor.remove(two.left.get());
  };
  second.function = [&](std::uint32_t) {
    ++calls;
    reactor.remove(one.left.get());
  };
  ASSERT_FALSE(reactor.add(one.left.get(), EPOLLIN, first));
  ASSERT_FALSE(reactor.add(two.left.get(), EPOLLIN, second));
  send_byte(one.right);
  send_byte(two.right);
  turn(reactor);
  EXPECT_EQ(calls, 1);
}

TEST(Reactor, DropsEventsMeantForTheFormerOwnerOfAnFdNumber) {
  Reactor reactor;
  Pair one;
  Pair two;
  FunctionHandler removed;
  FunctionHandler successor;
  FunctionHandler first;
  int successor_calls = 0;
  removed.function = [](std::uint32_t) { FAIL() << "removed before its event was dispatched"; };
  successor.function = [&](std::uint32_t) { ++successor_calls; };
  Pair fresh;
  first.function = [&](std::uint32_t) {
    char byte = 0;
    ASSERT_EQ(read(one.left.get(), &byte, 1), 1);
    const int number = two.left.get();
    reactor.remove(number);
    ASSERT_EQ(dup3(fresh.left.get(), number, O_CLOEXEC), number);
    ASSERT_FALSE(reactor.add(number, EPOLLIN, successor));
  };
  ASSERT_FALSE(reactor.add(one.left.get(), EPOLLIN, first));
  ASSERT_FALSE(reactor.add(two.left.get(), EPOLLIN, removed));
  send_byte(one.right);
  send_byte(two.right);
  turn(reactor);
  EXPECT_EQ(successor_calls, 0);
  send_byte(fresh.right);
  turn(reactor);
  EXPECT_EQ(successor_calls, 1);
}

TEST(Reactor, ReportsWhatTheKernelRefuses) {
  Reactor reactor;
  const Pair pair;
  FunctionHandler handler;
  ASSERT_FALSE(reactor.add(pair.left.get(), EPOLLIN, handler));
  EXPECT_EQ(reactor.add(pair.left.get(), EPOLLIN, handler), std::errc::file_exists);
  EXPECT_EQ(reactor.add(-1, EPOLLIN, handler), std::errc::bad_file_descriptor);
  EXPECT_EQ(reactor.modify(pair.right.get(), EPOLLIN), std::errc::no_such_file_or_directory);
  std::array<char, 32> name{"/tmp/reactor_testXXXXXX"};
  const FileDescriptor file(mkstemp(name.data()));
  unlink(name.data());
  EXPECT_EQ(reactor.add(file.get(), EPOLLIN, handler), std::errc::operation_not_permitted);
  reactor.remove(12345);
}

TEST(Reactor, RunsTimersInOrderOfDeadlineThenCreation) {
  Reactor reactor;
  std::string order;
  const auto now = Clock::now();
  reactor.schedule_at(now + milliseconds(2), [&] { order += 'c'; });
  reactor.schedule_at(now + milliseconds(1), [&] { order += 'a'; });
  reactor.schedule_at(now + milliseconds(1), [&] { order += 'b'; });
  const TimerId cancelled = reactor.schedule_at(now + milliseconds(1), [&] { order += 'x'; });
  EXPECT_TRUE(reactor.cancel(cancelled));
  EXPECT_FALSE(reactor.cancel(cancelled));
  while (Clock::now() < now + milliseconds(3)) turn(reactor, milliseconds(1));
  EXPECT_EQ(order, "abc");
}

TEST(Reactor, NeverRunsATimerEarly) {
  Reactor reactor;
  for (int i = 0; i < 20; ++i) {
    const auto when = Clock::now() + std::chrono::microseconds(137 * i);
    bool ran = false;
    reactor.schedule_at(when, [&] {
      ran = true;
      EXPECT_GE(Clock::now(), when);
    });
    while (!ran) turn(reactor, Reactor::kForever);
  }
}

TEST(Reactor, ATimerMayCancelAnotherThatIsDueInTheSameTurn) {
  Reactor reactor;
  TimerId second;
  bool second_ran = false;
  const auto now = Clock::now();
  reactor.schedule_at(now, [&] { EXPECT_TRUE(reactor.cancel(second)); });
  second = reactor.schedule_at(now, [&] { second_ran = true; });
  turn(reactor);
  EXPECT_FALSE(second_ran);
}

TEST(Reactor, ATimerThatReArmsItselfInThePastLetsTheTurnEnd) {
  Reactor reactor;
  int ran = 0;
  std::function<void()> again = [&] {
    ++ran;
    reactor.schedule_at(Clock::time_point::min(), [&] { again(); });
  };
  bool other_ran = false;
  reactor.schedule_at(Clock::time_point::min(), [&] { again(); });
  reactor.schedule_at(Clock::now(), [&] { other_ran = true; });
  turn(reactor);
  EXPECT_EQ(ran, 1);
  EXPECT_TRUE(other_ran);
  turn(reactor);
  EXPECT_EQ(ran, 2);
}

TEST(Reactor, ManyTimersWithRandomCancelsFireOnceAndInOrder) {
  Reactor reactor;
  std::uint32_t random = 1;
  const auto next = [&random] { return random = random * 1664525U + 1013904223U; };
  const auto base = Clock::now();
  std::vector<TimerId> ids;
  std::vector<int> deadline;
  std::vector<int> fired;
  for (int i = 0; i < 5000; ++i) {
    deadline.push_back(static_cast<int>(next() % 1000));
    ids.push_back(reactor.schedule_at(base - milliseconds(2000) + milliseconds(deadline.back()),
                                      [&fired, i] { fired.push_back(i); }));
  }
  std::size_t cancelled = 0;
  for (int i = 0; i < 2000; ++i) cancelled += reactor.cancel(ids[next() % ids.size()]) ? 1 : 0;
  turn(reactor);
  ASSERT_EQ(fired.size(), ids.size() - cancelled);
  for (std::size_t i = 1; i < fired.size(); ++i) {
    const auto [a, b] = std::pair(static_cast<std::size_t>(fired[i - 1]), static_cast<std::size_t>(fired[i]));
    EXPECT_TRUE(deadline[a] < deadline[b] || (deadline[a] == deadline[b] && a < b));
  }
}

TEST(Reactor, PostedTasksRunInOrderAndThoseTheyPostInTheNextTurn) {
  Reactor reactor;
  std::string order;
  reactor.post([&] {
    order += 'a';
    reactor.post([&] { order += 'c'; });
  });
  reactor.post([&] { order += 'b'; });
  turn(reactor, Reactor::kForever);
  EXPECT_EQ(order, "ab");
  turn(reactor, Reactor::kForever);
  EXPECT_EQ(order, "abc");
}

TEST(Reactor, PostFromManyThreadsWakesASleepingReactorEveryTime) {
  Reactor reactor;
  constexpr int kThreads = 4;
  constexpr int kTasks = 20'000;
  std::atomic<int> ran{0};
  std::thread loop([&] { reactor.run(); });
  std::vector<std::thread> threads;
  std::array<int, kThreads> last{};
  last.fill(-1);
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kTasks; ++i) {
        reactor.post([&, t, i] {
          EXPECT_EQ(last[t], i - 1);
          last[t] = i;
          ran.fetch_add(1, std::memory_order_release);
        });
        // Let the loop fall asleep now and then: a lost wake-up would hang here.
        if (i % 1000 == 0) {
          while (ran.load(std::memory_order_acquire) < i) std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  while (ran.load(std::memory_order_acquire) < kThreads * kTasks) std::this_thread::yield();
  reactor.stop();
  loop.join();
}

TEST(Reactor, StopBeforeRunReturnsAtOnceAndRunWorksAgain) {
  Reactor reactor;
  reactor.stop();
  reactor.run();
  bool ran = false;
  reactor.post([&] {
    ran = true;
    reactor.stop();
  });
  reactor.run();
  EXPECT_TRUE(ran);
}

TEST(Reactor, WakeEndsAWaitInProgress) {
  Reactor reactor;
  std::thread waker([&] {
    std::this_thread::sleep_for(milliseconds(20));
    reactor.wake();
  });
  reactor.wait(std::chrono::seconds(60));
  reactor.dispatch();
  waker.join();
  reactor.wake();
  reactor.wait(std::chrono::seconds(60));  // before the wait counts as well
}

TEST(Reactor, CountsReadyAndRegisteredDescriptorsWithoutItsOwn) {
  Reactor reactor;
  const Pair pair;
  FunctionHandler handler;
  EXPECT_EQ(reactor.size(), 0U);
  ASSERT_FALSE(reactor.add(pair.left.get(), EPOLLIN, handler));
  EXPECT_EQ(reactor.size(), 1U);
  reactor.wake();
  EXPECT_EQ(reactor.wait(std::chrono::seconds(60)), 0U);
  send_byte(pair.right);
  reactor.wake();
  EXPECT_EQ(reactor.wait(std::chrono::seconds(60)), 1U);
  EXPECT_FALSE(reactor.interrupted());
  reactor.remove(pair.left.get());
  reactor.remove(pair.left.get());
  EXPECT_EQ(reactor.size(), 0U);
  reactor.dispatch();
}

TEST(Reactor, TellsThatASignalEndedTheWait) {
  Reactor reactor;
  struct sigaction action{};
  action.sa_handler = [](int) {};
  struct sigaction before{};
  sigaction(SIGUSR1, &action, &before);
  const pthread_t self = pthread_self();
  std::thread killer([self] {
    std::this_thread::sleep_for(milliseconds(20));
    pthread_kill(self, SIGUSR1);
  });
  EXPECT_EQ(reactor.wait(std::chrono::seconds(60)), 0U);
  EXPECT_TRUE(reactor.interrupted());
  killer.join();
  sigaction(SIGUSR1, &before, nullptr);
}

bool is_readable(int fd) {
  pollfd polled{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&polled, 1, 0) == 1;
}

TEST(Reactor, TellsAThreadThatWaitsByOtherMeans) {
  Reactor reactor;
  EXPECT_GT(reactor.begin_waiting(), std::chrono::hours(1));
  EXPECT_FALSE(is_readable(reactor.fd()));
  int ran = 0;
  std::thread([&] { reactor.post([&] { ++ran; }); }).join();
  EXPECT_TRUE(is_readable(reactor.fd()));
  EXPECT_EQ(reactor.begin_waiting(), milliseconds(0));
  turn(reactor);
  EXPECT_EQ(ran, 1);
  EXPECT_FALSE(is_readable(reactor.fd()));

  reactor.schedule_at(Clock::now() + std::chrono::minutes(1), [] {});
  EXPECT_LE(reactor.begin_waiting(), std::chrono::minutes(1));
  EXPECT_GT(reactor.begin_waiting(), std::chrono::seconds(1));

  CountingHook hook;
  reactor.at_turn_end(hook);
  EXPECT_EQ(reactor.begin_waiting(), milliseconds(0));
  turn(reactor);
}

TEST(Reactor, TurnHooksRunOncePerTurn) {
  Reactor reactor;
  CountingHook one;
  CountingHook two;
  reactor.at_turn_end(one);
  reactor.at_turn_end(two);
  reactor.at_turn_end(one);
  turn(reactor);
  EXPECT_EQ(one.calls, 1);
  EXPECT_EQ(two.calls, 1);
  turn(reactor);
  EXPECT_EQ(one.calls, 1);
}

TEST(Reactor, AHookMayRequestItselfForTheNextTurnWhichDoesNotBlock) {
  Reactor reactor;
  CountingHook hook;
  hook.then = [&] {
    if (hook.calls < 3) reactor.at_turn_end(hook);
  };
  reactor.at_turn_end(hook);
  turn(reactor, std::chrono::seconds(60));
  EXPECT_EQ(hook.calls, 1);
  turn(reactor, std::chrono::seconds(60));
  turn(reactor, std::chrono::seconds(60));
  EXPECT_EQ(hook.calls, 3);
}

TEST(Reactor, AForgottenHookIsNotCalledEvenFromWithinTheRound) {
  Reactor reactor;
  CountingHook first;
  auto second = std::make_unique<CountingHook>();
  CountingHook third;
  first.then = [&] {
    reactor.forget(*second);
    second.reset();
  };
  reactor.at_turn_end(first);
  reactor.at_turn_end(*second);
  reactor.at_turn_end(third);
  turn(reactor);
  EXPECT_EQ(third.calls, 1);
}

}  // namespace
}  // namespace data_bridge::runtime
