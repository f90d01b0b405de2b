// spawn_python_handler from threads that know nothing of Python.
#include "pyloop/spawn.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <optional>
#include <thread>
#include <vector>

#include "pyloop/embedded_python.hpp"
#include "runtime/reactor.hpp"

namespace data_bridge::pyloop {
namespace {

using testing::evaluate_long;
using testing::LoopThread;
using testing::run_python;
using Kind = SpawnError::Kind;

constexpr auto kLong = std::chrono::seconds(30);

SpawnResult wait(Spawned& spawned) {
  std::promise<SpawnResult> promise;
  auto future = promise.get_future();
  spawned.on_done([&promise](SpawnResult result) { promise.set_value(std::move(result)); });
  if (future.wait_for(kLong) != std::future_status::ready) {
    ADD_FAILURE() << "no result";
    spawned.on_done([](const SpawnResult&) {});
    return std::unexpected(SpawnError{});
  }
  return future.get();
}

std::string repr(const SharedObject& object) {
  const GilGuard gil;
  const PyRef text = PyRef::steal(PyObject_Repr(object.get()));
  return text ? PyUnicode_AsUTF8(text.get()) : "?";
}

bool eventually(const char* condition) {
  const auto end = std::chrono::steady_clock::now() + kLong;
  while (std::chrono::steady_clock::now() < end) {
    {
      const GilGuard gil;
      if (evaluate_long(condition) == 1) return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

class Spawn : public ::testing::Test {
 protected:
  void SetUp() override {
    const GilGuard gil;
    run_python(R"(
import asyncio
events = []
async def echo(*args): return args
async def sleepy(*args):
    await asyncio.sleep(0.001)
    return args
async def until_told():
    while "told" not in events:
        await asyncio.sleep(0.001)
async def fails(text):
    await asyncio.sleep(0)
    raise ValueError(text)
async def forever():
    events.append("began")
    try:
        await asyncio.get_running_loop().create_future()
    except asyncio.CancelledError:
        events.append("cancelled")
        raise
async def stubborn():
    events.append("began")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.sleep(0)
        return "refused"
async def cancels_itself():
    asyncio.current_task().cancel()
    await asyncio.sleep(0)
async def who():
    task = asyncio.current_task()
    await asyncio.sleep(0)
    return isinstance(task, asyncio.Task), task in asyncio.all_tasks(), task is asyncio.current_task()
def not_a_coroutine_function(): return 3
)");
  }
};

TEST_F(Spawn, ArgumentsAndResultCrossBothWays) {
  LoopThread loop;
  Spawned spawned =
      spawn_python_handler(loop.mailbox(), loop.function("sleepy"), nullptr, true, -7, 18446744073709551615ULL, 0.5,
                           "t\xc3\xa4xt", std::vector<std::byte>{std::byte{0}, std::byte{255}}, loop.function("echo"));
  const SpawnResult result = wait(spawned);
  ASSERT_TRUE(result);
  const std::string text = repr(*result);
  EXPECT_EQ(
      text.rfind("(None, True, -7, 18446744073709551615, 0.5, 't\xc3\xa4xt', b'\\x00\\xff', <function echo at", 0), 0U)
      << text;
  EXPECT_TRUE(spawned.done());
}

TEST_F(Spawn, RunsInATask) {
  LoopThread loop;
  Spawned spawned = spawn_python_handler(loop.mailbox(), loop.function("who"));
  const SpawnResult result = wait(spawned);
  ASSERT_TRUE(result);
  EXPECT_EQ(repr(*result), "(True, True, True)");
}

TEST_F(Spawn, OrderOfOneThreadIsKept) {
  LoopThread loop;
  {
    const GilGuard gil;
    run_python("async def note(i): events.append(i)");
  }
  const SharedObject note = loop.function("note");
  std::vector<Spawned> all;
  for (int i = 0; i < 1000; ++i) all.push_back(spawn_python_handler(loop.mailbox(), note, i));
  EXPECT_TRUE(wait(all.back()));
  const GilGuard gil;
  EXPECT_EQ(evaluate_long("events == list(range(1000))"), 1);
}

TEST_F(Spawn, ExceptionsAreCarriedOver) {
  LoopThread loop;
  Spawned spawned = spawn_python_handler(loop.mailbox(), loop.function("fails"), "because");
  const SpawnResult result = wait(spawned);
  ASSERT_FALSE(result);
  const SpawnError& error = result.error();
  EXPECT_EQ(error.kind, Kind::kRaised);
  EXPECT_EQ(error.type, "ValueError");
  EXPECT_EQ(error.message, "because");
  EXPECT_NE(error.traceback.find("in fails"), std::string::npos) << error.traceback;
  EXPECT_NE(error.traceback.find("ValueError: because"), std::string::npos) << error.traceback;
  EXPECT_EQ(repr(error.exception), "ValueError('because')");
}

TEST_F(Spawn, WhatFailsBeforeTheCoroutineIsItsExceptionToo) {
  LoopThread loop;
  Spawned arguments = spawn_python_handler(loop.mailbox(), loop.function("echo"), std::string("\xff"));
  Spawned call = spawn_python_handler(loop.mailbox(), loop.function("fails"));
  Spawned kind = spawn_python_handler(loop.mailbox(), loop.function("not_a_coroutine_function"));
  EXPECT_EQ(wait(arguments).error().type, "UnicodeDecodeError");
  EXPECT_EQ(wait(call).error().type, "TypeError");
  EXPECT_EQ(wait(kind).error().message, "a coroutine was expected, got 3");
}

TEST_F(Spawn, CancelReachesTheCoroutine) {
  LoopThread loop;
  Spawned spawned = spawn_python_handler(loop.mailbox(), loop.function("forever"));
  ASSERT_TRUE(eventually("events == ['began']"));
  spawned.cancel();
  const SpawnResult result = wait(spawned);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Kind::kCancelled);
  EXPECT_EQ(result.error().type, "asyncio.exceptions.CancelledError");
  const GilGuard gil;
  EXPECT_EQ(evaluate_long("events == ['began', 'cancelled']"), 1);
}

TEST_F(Spawn, ACoroutineMayRefuseToBeCancelled) {
  LoopThread loop;
  Spawned spawned = spawn_python_handler(loop.mailbox(), loop.function("stubborn"));
  ASSERT_TRUE(eventually("events == ['began']"));
  spawned.cancel();
  const SpawnResult result = wait(spawned);
  ASSERT_TRUE(result);
  EXPECT_EQ(repr(*result), "'refused'");
  spawned.cancel();
}

TEST_F(Spawn, CancelledBeforeItBeganItNeverBegins) {
  LoopThread loop(false);
  Spawned spawned = spawn_python_handler(loop.mailbox(), loop.function("forever"));
  spawned.canceller().cancel();
  loop.start();
  EXPECT_EQ(wait(spawned).error().kind, Kind::kCancelled);
  const GilGuard gil;
  EXPECT_EQ(evaluate_long("events == []"), 1);
}

TEST_F(Spawn, CancelledByPythonIsSeenAsCancelled) {
  LoopThread loop;
  Spawned spawned = spawn_python_handler(loop.mailbox(), loop.function("cancels_itself"));
  EXPECT_EQ(wait(spawned).error().kind, Kind::kCancelled);
}

TEST_F(Spawn, ALoopThatRunsLaterFindsWhatWasSpawned) {
  LoopThread loop(false);
  Spawned spawned = spawn_python_handler(loop.mailbox(), loop.function("echo"), 1);
  EXPECT_FALSE(spawned.done());
  loop.start();
  EXPECT_TRUE(wait(spawned));
}

TEST_F(Spawn, ALoopThatNeverRunsReportsThatItWasClosed) {
  LoopThread loop(false);
  Spawned spawned = spawn_python_handler(loop.mailbox(), loop.function("forever"));
  loop.stop();
  EXPECT_TRUE(spawned.done());
  EXPECT_EQ(wait(spawned).error().kind, Kind::kLoopClosed);
}

TEST_F(Spawn, ALoopThatIsForgottenReportsThatItWasClosed) {
  std::optional<Spawned> spawned;
  {
    const GilGuard gil;
    const PyRef loop = testing::evaluate("PyLoop()");
    const auto mailbox = LoopCore::from_object(loop.get())->mailbox();
    spawned = spawn_python_handler(mailbox, SharedObject(testing::evaluate("forever"), mailbox));
  }
  {
    const GilGuard gil;
    // It is part of a cycle, and its destructor warns that it was not closed.
    run_python("import warnings; warnings.simplefilter('ignore', ResourceWarning)");
    PyGC_Collect();
  }
  EXPECT_EQ(wait(*spawned).error().kind, Kind::kLoopClosed);
}

TEST_F(Spawn, AClosedLoopReportsWhatIsUnfinished) {
  LoopThread loop;
  Spawned spawned = spawn_python_handler(loop.mailbox(), loop.function("forever"));
  ASSERT_TRUE(eventually("events == ['began']"));
  {
    const GilGuard gil;
    run_python("import logging; logging.getLogger('asyncio').disabled = True");  // destroyed but pending
  }
  loop.stop();
  EXPECT_EQ(wait(spawned).error().kind, Kind::kLoopClosed);
  spawned.cancel();
  const GilGuard gil;
  run_python("logging.getLogger('asyncio').disabled = False");
}

TEST_F(Spawn, AClosedLoopRefuses) {
  LoopThread loop;
  const SharedObject echo = loop.function("echo");
  loop.stop();
  Spawned spawned = spawn_python_handler(loop.mailbox(), echo);
  EXPECT_TRUE(spawned.done());
  const SpawnResult result = wait(spawned);
  EXPECT_EQ(result.error().kind, Kind::kLoopClosed);
  EXPECT_EQ(result.error().message, "Event loop is closed");
}

TEST_F(Spawn, AnExceptionThatNobodyWaitsForGoesToTheHandler) {
  LoopThread loop;
  {
    const GilGuard gil;
    run_python(R"(
async def install():
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: events.append(repr(context["exception"])))
)");
  }
  Spawned install = spawn_python_handler(loop.mailbox(), loop.function("install"));
  ASSERT_TRUE(wait(install));
  (void)spawn_python_handler(loop.mailbox(), loop.function("fails"), "dropped while it runs");
  ASSERT_TRUE(eventually("events == [\"ValueError('dropped while it runs')\"]"));
  {
    Spawned spawned = spawn_python_handler(loop.mailbox(), loop.function("fails"), "dropped afterwards");
    while (!spawned.done()) std::this_thread::yield();
  }
  EXPECT_TRUE(eventually("events[1:] == [\"ValueError('dropped afterwards')\"]"));
}

TEST_F(Spawn, AfterTheLoopAnExceptionGoesToTheUnraisableHook) {
  {
    const GilGuard gil;
    run_python(R"(
import sys
sys.unraisablehook = lambda args: events.append(repr(args.exc_value))
)");
  }
  LoopThread loop;
  {
    Spawned spawned = spawn_python_handler(loop.mailbox(), loop.function("fails"), "unread");
    while (!spawned.done()) std::this_thread::yield();
    loop.stop();
  }
  const GilGuard gil;
  EXPECT_EQ(evaluate_long("events == [\"ValueError('unread')\"]"), 1);
  run_python("sys.unraisablehook = sys.__unraisablehook__");
}

TEST_F(Spawn, SystemExitIsReportedAndLeavesTheLoop) {
  LoopThread loop;
  {
    const GilGuard gil;
    run_python("async def leave(): raise SystemExit(3)");
  }
  Spawned spawned = spawn_python_handler(loop.mailbox(), loop.function("leave"));
  EXPECT_EQ(wait(spawned).error().type, "SystemExit");
}

// --- co_await ---------------------------------------------------------------------------------------------

// A C++ coroutine that begins at once and is destroyed by its owner.
class Routine {
 public:
  struct promise_type {  // NOLINT(readability-identifier-naming): the name is the language's
    Routine get_return_object() { return Routine(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
  explicit Routine(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Routine(Routine&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Routine& operator=(Routine&&) = delete;
  ~Routine() {
    if (handle_) handle_.destroy();
  }

 private:
  std::coroutine_handle<promise_type> handle_;
};

class ReactorThread {
 public:
  ReactorThread() : thread_([this] { reactor_.run(); }) {}
  ~ReactorThread() {
    reactor_.stop();
    thread_.join();
  }
  runtime::Reactor& reactor() { return reactor_; }
  [[nodiscard]] std::thread::id id() const { return thread_.get_id(); }
  void run(std::move_only_function<void()> task) {
    std::promise<void> done;
    reactor_.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

 private:
  runtime::Reactor reactor_;
  std::thread thread_;
};

TEST_F(Spawn, AwaitGoesOnWhereTheCoroutineEnded) {
  LoopThread loop;
  std::promise<bool> promise;
  const auto wait_for_it = [&](LoopThread& where) -> Routine {
    const SpawnResult result = co_await spawn_python_handler(where.mailbox(), where.function("until_told"));
    promise.set_value(result.has_value() && where.core().in_loop_thread() && has_gil());
  };
  const Routine routine = wait_for_it(loop);
  {
    const GilGuard gil;
    run_python("events.append('told')");
  }
  EXPECT_TRUE(promise.get_future().get());
  loop.stop();  // it may still be on its way to its end there
}

TEST_F(Spawn, AwaitGoesOnAtOnceWhereTheResultIsThere) {
  LoopThread loop;
  Spawned spawned = spawn_python_handler(loop.mailbox(), loop.function("echo"));
  while (!spawned.done()) std::this_thread::yield();
  std::thread::id where;
  const auto wait_for_it = [&](Spawned& one) -> Routine {
    EXPECT_TRUE(co_await one);
    EXPECT_FALSE(co_await one) << "a result is given once";
    where = std::this_thread::get_id();
  };
  const Routine routine = wait_for_it(spawned);
  EXPECT_EQ(where, std::this_thread::get_id());
}

TEST_F(Spawn, AwaitGoesOnInTheReactorItNamed) {
  LoopThread loop;
  std::optional<Routine> routine;  // outlives the thread that ends it
  ReactorThread other;
  std::promise<bool> promise;
  const auto wait_for_it = [&]() -> Routine {
    bool good = true;
    for (const char* name : {"echo", "sleepy", "echo"}) {
      Spawned spawned = spawn_python_handler(loop.mailbox(), loop.function(name), 1);
      const SpawnResult result = co_await spawned.resume_on(other.reactor());
      good = good && result && std::this_thread::get_id() == other.id() && !has_gil();
    }
    promise.set_value(good);
  };
  routine.emplace(wait_for_it());
  EXPECT_TRUE(promise.get_future().get());
}

TEST_F(Spawn, DestroyedWhileItWaitsItCancels) {
  LoopThread loop;
  ReactorThread other;
  std::optional<Routine> routine;
  const auto wait_for_it = [&]() -> Routine {
    Spawned spawned = spawn_python_handler(loop.mailbox(), loop.function("forever"));
    (void)co_await spawned.resume_on(other.reactor());
    ADD_FAILURE() << "resumed";
  };
  other.run([&] { routine.emplace(wait_for_it()); });
  ASSERT_TRUE(eventually("events == ['began']"));
  other.run([&] { routine.reset(); });
  EXPECT_TRUE(eventually("events == ['began', 'cancelled']"));
}

// --- many -------------------------------------------------------------------------------------------------

TEST_F(Spawn, ReferenceCountsStayFlat) {
  LoopThread loop;
  const SharedObject echo = loop.function("echo");
  const SharedObject sleepy = loop.function("sleepy");
  const SharedObject fails = loop.function("fails");
  {
    const GilGuard gil;
    run_python("marker = object()");
  }
  const SharedObject marker = loop.function("marker");
  const auto count = [] {
    const GilGuard gil;
    PyGC_Collect();
    return std::pair(evaluate_long("sys.getrefcount(marker)"), evaluate_long("len(gc.get_objects())"));
  };
  const auto batch = [&](int size) {
    std::vector<Spawned> all;
    all.reserve(static_cast<std::size_t>(size) * 2);
    for (int i = 0; i < size; ++i) {
      all.push_back(spawn_python_handler(loop.mailbox(), sleepy, marker, i));
      all.push_back(spawn_python_handler(loop.mailbox(), i % 10 == 0 ? fails : echo, marker));
      if (i % 7 == 0) all.back().cancel();
      if (i % 5 == 0) all.back().on_done([](const SpawnResult&) {});
    }
    for (Spawned& one : all) {
      if (&one != &all.back()) one.on_done([](const SpawnResult&) {});
    }
    (void)wait(all.back());
    Spawned last = spawn_python_handler(loop.mailbox(), sleepy, 0);
    (void)wait(last);
  };
  batch(1000);
  const auto before = count();
  for (int i = 0; i < 50; ++i) batch(1000);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const auto after = count();
  EXPECT_EQ(after.first, before.first);
  EXPECT_NEAR(static_cast<double>(after.second), static_cast<double>(before.second), 50);
}

TEST_F(Spawn, FromManyThreadsWhileTheLoopCloses) {
  std::atomic<int> ended{0};
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  {
    LoopThread loop;
    const SharedObject echo = loop.function("echo");
    const SharedObject forever = loop.function("sleepy");
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, mailbox = loop.mailbox()] {
        for (int i = 0; i < kEach; ++i) {
          Spawned spawned = spawn_python_handler(mailbox, i % 2 == 0 ? echo : forever, i);
          const SpawnCanceller canceller = spawned.canceller();
          spawned.on_done([&ended](const SpawnResult&) { ++ended; });
          if (i % 3 == 0) canceller.cancel();
        }
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    {
      const GilGuard gil;
      run_python("import logging; logging.getLogger('asyncio').disabled = True");
    }
    loop.stop();
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(ended, kThreads * kEach);
  const GilGuard gil;
  run_python("logging.getLogger('asyncio').disabled = False");
}

}  // namespace
}  // namespace data_bridge::pyloop
