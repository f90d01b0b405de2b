// JobQueue: short jobs stay with one thread, a blocked one is relieved, nothing is lost, threads end.
#include "pyloop/job_queue.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <latch>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace data_bridge::pyloop {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kLong = 30s;  // a test that waits for so long has failed

/// Threads that work at a queue as the pool's do, with a mutex for the GIL.
class Crew {
 public:
  struct Job : QueuedJob {
    std::function<void(Crew&)> function;
  };

  explicit Crew(JobQueue::Duration patience = JobQueue::kPatience, JobQueue::Duration max_idle = kLong)
      : queue(patience, max_idle) {}
  ~Crew() {
    EXPECT_TRUE(queue.stop().waiting.empty());
    for (std::thread& thread : threads_) thread.join();
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  /// With the GIL. As a loop that has other things to do: nobody is woken.
  void push_quietly(std::function<void(Crew&)> function) {
    Job& job = jobs_.emplace_back();
    job.function = std::move(function);
    queue.push(job);
    start_missing();
  }

  /// With the GIL.
  void push(std::function<void(Crew&)> function) {
    push_quietly(std::move(function));
    queue.kick();
  }

  /// Runs `function` without the GIL, within a job.
  void release(const std::function<void()>& function) {
    gil.unlock();
    function();
    gil.lock();
  }

  void work() {
    auto from = JobQueue::From::kStart;
    for (;;) {
      const JobQueue::Wake wake = queue.wait(from);
      from = JobQueue::From::kWatch;
      if (wake == JobQueue::Wake::kEnd) return;
      if (wake == JobQueue::Wake::kTell) {
        ++told;
        continue;
      }
      gil.lock();
      JobQueue::Next next =
          queue.arrive(wake == JobQueue::Wake::kStuck ? JobQueue::Cause::kBlocked : JobQueue::Cause::kCalled);
      while (next.job != nullptr) {
        if (next.missing) start_missing();
        if (next.tell) ++told;
        const auto began = Clock::now();
        static_cast<Job*>(next.job)->function(*this);
        next = queue.next(*next.job, Clock::now() - began);
      }
      if (next.tell) ++told;
      gil.unlock();
      from = JobQueue::From::kJobs;
    }
  }

  std::size_t started() {
    const std::scoped_lock lock(gil);
    return threads_.size();
  }

  JobQueue queue;
  std::mutex gil;
  std::atomic<int> told{0};

 private:
  void start_missing() {
    for (std::size_t missing = queue.missing_threads(); missing > 0; --missing) {
      threads_.emplace_back([this] { work(); });
    }
  }

  std::list<Job> jobs_;               // under gil
  std::vector<std::thread> threads_;  // under gil
};

TEST(JobQueue, OneThreadTakesShortJobsInTheirOrder) {
  Crew crew(kLong);
  std::vector<int> order;
  std::set<std::thread::id> who;
  std::latch done(1);
  {
    const std::scoped_lock gil(crew.gil);
    for (int i = 0; i < 1000; ++i) {
      crew.push([&, i](Crew&) {
        order.push_back(i);
        who.insert(std::this_thread::get_id());
        if (i == 999) done.count_down();
      });
    }
  }
  done.wait();
  const std::scoped_lock gil(crew.gil);
  EXPECT_EQ(who.size(), 1U);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(JobQueue, BlockedJobsAreRelieved) {
  // Each waits for all the others: as many threads as jobs, or no end.
  constexpr int kJobs = 40;
  std::latch all(kJobs);
  Crew crew;
  std::latch done(kJobs);
  {
    const std::scoped_lock gil(crew.gil);
    for (int i = 0; i < kJobs; ++i) {
      crew.push([&](Crew& self) {
        self.release([&] { all.arrive_and_wait(); });
        done.count_down();
      });
    }
  }
  done.wait();
  EXPECT_GE(crew.queue.threads(), static_cast<std::size_t>(kJobs));
}

TEST(JobQueue, AWatcherSeesToJobsThatTheLoopDoesNotComeTo) {
  std::list<std::latch> latches;
  Crew crew;
  for (int round = 0; round < 20; ++round) {
    std::latch& both = latches.emplace_back(2);
    std::latch done(2);
    {
      const std::scoped_lock gil(crew.gil);
      for (int i = 0; i < 2; ++i) {
        crew.push_quietly([&](Crew& self) {
          self.release([&] { both.arrive_and_wait(); });
          done.count_down();
        });
      }
      if (crew.queue.must_kick()) crew.queue.kick();
    }
    done.wait();
  }
}

TEST(JobQueue, WhatIsDoneIsCollectedInItsOrderAndToldOnceForMany) {
  Crew crew(kLong);
  std::latch done(1);
  {
    const std::scoped_lock gil(crew.gil);
    for (int i = 0; i < 500; ++i) crew.push([](Crew&) {});
    crew.push([&](Crew&) { done.count_down(); });
  }
  done.wait();
  JobList list;
  const auto limit = Clock::now() + kLong;
  while (list.size() < 501 && Clock::now() < limit) {
    JobList more = crew.queue.collect();
    while (QueuedJob* const job = more.pop()) list.push(*job);
    std::this_thread::yield();
  }
  EXPECT_EQ(list.size(), 501U);
  EXPECT_LT(crew.told, 250);
}

TEST(JobQueue, WhatWasDoneBeforeAJobThatBlocksIsTold) {
  std::latch begun(1);
  std::latch go(1);
  Crew crew(1ms);
  {
    const std::scoped_lock gil(crew.gil);
    crew.push([](Crew&) {});
    crew.push([&](Crew& self) {
      self.release([&] {
        begun.count_down();
        go.wait();
      });
    });
    crew.push([](Crew&) {});
  }
  begun.wait();
  const auto limit = Clock::now() + kLong;
  std::size_t done = 0;
  while (done < 2 && Clock::now() < limit) {
    if (crew.told > 0) done += crew.queue.collect().size();
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(done, 2U);
  go.count_down();
}

TEST(JobQueue, AJobThatComesWhileItsThreadIsAboutToRestNeedsNoOther) {
  JobQueue queue;
  QueuedJob first;
  QueuedJob second;
  queue.push(first);
  EXPECT_EQ(queue.missing_threads(), 1U);
  EXPECT_EQ(queue.wait(JobQueue::From::kStart), JobQueue::Wake::kCalled);
  EXPECT_EQ(queue.arrive(JobQueue::Cause::kCalled).job, &first);
  EXPECT_EQ(queue.next(first, 0ms).job, nullptr);
  queue.push(second);
  EXPECT_EQ(queue.missing_threads(), 0U);
  EXPECT_EQ(queue.wait(JobQueue::From::kJobs), JobQueue::Wake::kCalled);
  EXPECT_EQ(queue.arrive(JobQueue::Cause::kCalled).job, &second);
  EXPECT_EQ(queue.next(second, 0ms).job, nullptr);
}

TEST(JobQueue, AJobPushedWhileAnotherIsBlockedNeedsNoPatience) {
  std::latch blocked(1);
  std::latch go(1);
  Crew crew(kLong);
  std::latch done(2);
  {
    const std::scoped_lock gil(crew.gil);
    crew.push([&](Crew& self) {
      self.release([&] {
        blocked.count_down();
        go.wait();
      });
      done.count_down();
    });
  }
  blocked.wait();
  const auto began = Clock::now();
  {
    const std::scoped_lock gil(crew.gil);
    crew.push([&](Crew&) {
      go.count_down();
      done.count_down();
    });
  }
  done.wait();
  EXPECT_LT(Clock::now() - began, kLong / 2);
}

TEST(JobQueue, WhatWaitsForTheGilIsNotBlocked) {
  Crew crew(1ms);
  std::latch done(20);
  {
    const std::scoped_lock gil(crew.gil);
    for (int i = 0; i < 20; ++i) crew.push([&](Crew&) { done.count_down(); });
    std::this_thread::sleep_for(50ms);
  }
  done.wait();
  // The one that takes them, and one that watches.
  EXPECT_LE(crew.started(), 2U);
}

TEST(JobQueue, ThreadsEndThatHaveNothingToDo) {
  Crew crew(1ms, 5ms);
  for (int round = 0; round < 3; ++round) {
    std::latch done(8);
    {
      const std::scoped_lock gil(crew.gil);
      for (int i = 0; i < 8; ++i) {
        crew.push([&](Crew& self) {
          self.release([] { std::this_thread::sleep_for(2ms); });
          done.count_down();
        });
      }
    }
    done.wait();
    const auto limit = Clock::now() + kLong;
    while (crew.queue.threads() != 0 && Clock::now() < limit) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(crew.queue.threads(), 0U);
  }
}

TEST(JobQueue, DismissedThreadsEndAndOthersComeForNewJobs) {
  Crew crew(1ms, kLong);
  for (int round = 0; round < 3; ++round) {
    std::latch done(1);
    {
      const std::scoped_lock gil(crew.gil);
      crew.push([&](Crew&) { done.count_down(); });
    }
    done.wait();
    crew.queue.dismiss();
    const auto limit = Clock::now() + kLong;
    while (crew.queue.threads() != 0 && Clock::now() < limit) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(crew.queue.threads(), 0U);
  }
}

TEST(JobQueue, AWatcherThatHadToWaitForTheGilTakesAJobOnlyWhereNothingHasGoneOn) {
  for (const bool goes_on : {false, true}) {
    JobQueue queue(1ms);
    std::vector<QueuedJob> jobs(4);
    for (QueuedJob& job : jobs) queue.push(job);
    ASSERT_EQ(queue.wait(JobQueue::From::kStart), JobQueue::Wake::kCalled);
    ASSERT_EQ(queue.arrive(JobQueue::Cause::kCalled).job, &jobs[0]);
    ASSERT_EQ(queue.missing_threads(), 2U);  // the first, and one that watches
    std::thread([&] {
      ASSERT_EQ(queue.wait(JobQueue::From::kStart), JobQueue::Wake::kStuck);
      if (goes_on) {
        ASSERT_EQ(queue.next(jobs[0], 0ms).job, &jobs[1]);
      }
      const JobQueue::Next next = queue.arrive(JobQueue::Cause::kContested);
      EXPECT_EQ(next.job, goes_on ? nullptr : &jobs[1]);
    }).join();
    static_cast<void>(queue.stop());
  }
}

TEST(JobQueue, AFailedStartGivesBackTheJobThatNobodyWouldTake) {
  JobQueue queue;
  QueuedJob first;
  queue.push(first);
  ASSERT_EQ(queue.missing_threads(), 1U);
  EXPECT_TRUE(queue.start_failed(&first));
  EXPECT_EQ(queue.threads(), 0U);
  EXPECT_TRUE(queue.stop().waiting.empty());
}

TEST(JobQueue, AFailedStartLeavesTheJobToThoseWhoWork) {
  JobQueue queue;
  QueuedJob first;
  QueuedJob second;
  queue.push(first);
  ASSERT_EQ(queue.missing_threads(), 1U);
  EXPECT_EQ(queue.wait(JobQueue::From::kStart), JobQueue::Wake::kCalled);
  EXPECT_EQ(queue.arrive(JobQueue::Cause::kCalled).job, &first);
  queue.push(second);
  ASSERT_EQ(queue.missing_threads(), 1U);
  EXPECT_FALSE(queue.start_failed(&second));
  EXPECT_EQ(queue.next(first, 0ms).job, &second);
  EXPECT_EQ(queue.next(second, 0ms).job, nullptr);
}

TEST(JobQueue, WhatWaitsWhenItIsStoppedIsGivenBack) {
  JobQueue queue;
  std::vector<QueuedJob> jobs(3);
  for (QueuedJob& job : jobs) queue.push(job);
  EXPECT_EQ(queue.wait(JobQueue::From::kStart), JobQueue::Wake::kCalled);
  EXPECT_EQ(queue.arrive(JobQueue::Cause::kCalled).job, &jobs[0]);
  EXPECT_EQ(queue.next(jobs[0], 0ms).job, &jobs[1]);
  JobQueue::Rest rest = queue.stop();
  EXPECT_EQ(rest.done.pop(), &jobs[0]);
  EXPECT_EQ(rest.done.pop(), nullptr);
  EXPECT_EQ(rest.waiting.pop(), &jobs[2]);
  EXPECT_EQ(rest.waiting.pop(), nullptr);
  EXPECT_TRUE(queue.next(jobs[1], 0ms).refused);
  EXPECT_EQ(queue.wait(JobQueue::From::kJobs), JobQueue::Wake::kEnd);
}

TEST(JobQueue, WhoWasWokenToWatchEndsWithTheOthers) {
  for (const bool stops : {false, true}) {
    Crew crew(1ms, kLong);
    std::latch both(2);
    {
      const std::scoped_lock gil(crew.gil);
      for (int i = 0; i < 2; ++i) {
        crew.push([&](Crew& self) { self.release([&] { both.arrive_and_wait(); }); });
      }
    }
    both.wait();
    std::latch calm(100);  // so many short jobs, and threads are not called in advance
    {
      const std::scoped_lock gil(crew.gil);
      for (int i = 0; i < 100; ++i) crew.push([&](Crew&) { calm.count_down(); });
    }
    calm.wait();
    std::this_thread::sleep_for(100ms);  // both sleep soundly
    std::latch ended(1);
    {
      const std::scoped_lock gil(crew.gil);
      crew.push_quietly([&](Crew& self) {
        // The other thread was woken for the job behind this one, and is not awake yet.
        if (stops) {
          EXPECT_NE(self.queue.stop().waiting.pop(), nullptr);
        } else {
          self.queue.dismiss();
        }
        ended.count_down();
      });
      crew.push([](Crew&) {});
    }
    ended.wait();
    const auto limit = Clock::now() + kLong / 3;
    while (crew.queue.threads() != 0 && Clock::now() < limit) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(crew.queue.threads(), 0U);
  }
}

TEST(JobQueue, AForkedChildFindsNoLockThatAnotherThreadHadTaken) {
  for (int round = 0; round < 200; ++round) {
    JobQueue queue;
    std::atomic<bool> ends{false};
    std::thread other([&] {
      while (!ends) (void)queue.threads();
    });
    const pid_t child = fork();
    ASSERT_NE(child, -1);
    if (child == 0) {
      alarm(5);
      (void)queue.threads();
      _exit(0);
    }
    ends = true;
    other.join();
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }
}

TEST(JobQueue, NothingIsLostAmongShortAndBlockingJobsFromManyThreads) {
  constexpr int kPushers = 4;
  constexpr int kEach = 1500;
  Crew crew(200us, 3ms);
  std::atomic<int> done{0};
  std::vector<std::jthread> pushers;
  for (int pusher = 0; pusher < kPushers; ++pusher) {
    pushers.emplace_back([&, pusher] {
      for (int i = 0; i < kEach; ++i) {
        {
          const std::scoped_lock gil(crew.gil);
          crew.push([&, pusher, i](Crew& self) {
            if ((i + pusher) % 61 == 0) self.release([] { std::this_thread::sleep_for(1ms); });
            ++done;
          });
        }
        if (i % 200 == 199) std::this_thread::sleep_for(5ms);
      }
    });
  }
  pushers.clear();
  const auto limit = Clock::now() + kLong;
  while (done != kPushers * kEach && Clock::now() < limit) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(done, kPushers * kEach);
}

}  // namespace
}  // namespace data_bridge::pyloop
