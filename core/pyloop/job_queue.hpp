// The jobs of a pool of threads, and which thread takes them: knows nothing of Python but that one thread at a time
// runs it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>

#include "runtime/fork_locks.hpp"

namespace data_bridge::pyloop {

/// Linked while it waits, and again when it was done; owned by whoever pushed it.
struct QueuedJob {
  QueuedJob* next_job = nullptr;
};

/// First in, first out.
class JobList {
 public:
  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void push(QueuedJob& job) noexcept;
  /// Null where it is empty.
  QueuedJob* pop() noexcept;
  /// The last one; false where `job` is another.
  bool take_last(const QueuedJob& job) noexcept;

 private:
  QueuedJob* head_ = nullptr;
  QueuedJob* tail_ = nullptr;
  std::size_t size_ = 0;
};

/// Handing each job to a thread of its own costs some context switches, which is more than most jobs. So one thread
/// takes job after job while it has the GIL, and what is done is kept until collect(), so that the loop wakes up once
/// for many. Another thread watches over it. Threads are called
///
/// - by push(), where none is on the way: who has a job has not the GIL, which the pusher has, and may be blocked;
/// - by the watcher, which takes the next job itself where for `patience` nothing was begun or done;
/// - for each job, where the watcher has found jobs that block, and they still are long.
///
/// A thread's life: wait(), then, with the GIL, arrive() and next() until they give no job, then wait() again.
class JobQueue {
 public:
  using Clock = std::chrono::steady_clock;
  using Duration = Clock::duration;

  static constexpr Duration kPatience = std::chrono::microseconds(500);
  static constexpr Duration kMaxIdle = std::chrono::seconds(10);  // anyio's

  explicit JobQueue(Duration patience = kPatience, Duration max_idle = kMaxIdle) noexcept
      : patience_(patience), max_idle_(max_idle) {}
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;
  ~JobQueue() = default;

  // --- the loop's ---

  /// With the GIL. Who was called for it sleeps on, until kick().
  void push(QueuedJob& job) noexcept;
  /// How many threads the caller is to start: each calls wait(), or start_failed() is called for it.
  [[nodiscard]] std::size_t missing_threads() noexcept;
  /// The thread did not come to be. True where `job` waits and there is no thread to take it: it was taken out again.
  bool start_failed(QueuedJob* job) noexcept;
  /// True where somebody sleeps who was called.
  [[nodiscard]] bool has_called() const noexcept { return has_called_.load(std::memory_order_relaxed); }
  /// The same, and no watcher will see to it.
  [[nodiscard]] bool must_kick() const noexcept { return has_called() && !watched_.load(std::memory_order_relaxed); }
  /// Wakes those who were called.
  void kick() noexcept;
  /// What was done since.
  [[nodiscard]] JobList collect() noexcept;
  struct Rest {
    JobList waiting;
    JobList done;
  };
  /// No thread gets a job any more. What there is, is the caller's.
  [[nodiscard]] Rest stop() noexcept;
  /// From now on a thread ends when there is nothing for it to do: the process is about to, and waits for threads.
  void dismiss() noexcept;
  /// Threads that were started, or are missing, and have not ended.
  [[nodiscard]] std::size_t threads() noexcept;

  // --- a thread's ---

  enum class Wake : std::uint8_t {
    kEnd,     ///< the thread is to end
    kCalled,  ///< it is to get the GIL, and to arrive()
    kStuck,   ///< the same, because nothing goes on
    kTell,    ///< the loop is to be told that there is something to collect(); then wait() again
  };
  /// Where a thread comes from that waits.
  enum class From : std::uint8_t { kStart, kJobs, kWatch };
  /// Blocks until there is something for this thread.
  [[nodiscard]] Wake wait(From from) noexcept;

  struct Next {
    QueuedJob* job = nullptr;
    bool tell = false;     ///< the loop that there is something to collect()
    bool missing = false;  ///< threads are, see missing_threads()
    bool refused = false;  ///< the queue was stopped: `done` is the caller's
  };
  /// Why a thread has come.
  enum class Cause : std::uint8_t {
    kCalled,
    kBlocked,    ///< kStuck, and others had no use for the GIL
    kContested,  ///< kStuck, and somebody computes: there is a job for this thread if nothing has gone on since
  };
  /// The first job, if there is one. Where there is none for kContested, the thread comes from kWatch.
  [[nodiscard]] Next arrive(Cause cause) noexcept;
  /// `done` was done, and took `duration`.
  [[nodiscard]] Next next(QueuedJob& done, Duration duration) noexcept;

 private:
  // Kept as long as the queue: who has woken one has no lock any more, under which the other would wait at once.
  struct Sleeper {
    enum class For : std::uint8_t { kNothing, kJob, kWatch };
    std::condition_variable condition;
    Sleeper* below = nullptr;
    For woken = For::kNothing;
  };
  // So many short jobs in a row until threads are not called in advance any more.
  static constexpr unsigned kEager = 64;
  // Waking the loop costs some microseconds.
  static constexpr Duration kTell = std::chrono::microseconds(100);
  // The watcher sleeps soundly when for so long nobody had work.
  static constexpr unsigned kCalm = 8;

  /// Who will take jobs without being called.
  [[nodiscard]] std::size_t near() const noexcept { return coming_ + leaving_; }
  void call() noexcept;
  void call_for_all() noexcept;
  void guard() noexcept;
  void kick(std::unique_lock<std::mutex>& lock) noexcept;
  void rouse_all(std::unique_lock<std::mutex>& lock) noexcept;
  Next give(QueuedJob* job) noexcept;
  static bool remove(Sleeper*& list, const Sleeper& sleeper) noexcept;
  Wake sleep(std::unique_lock<std::mutex>& lock, Sleeper& self);
  Wake watch(std::unique_lock<std::mutex>& lock, Sleeper& self);

  const Duration patience_;
  const Duration max_idle_;
  std::atomic<bool> has_called_{false};  // written under mutex_
  std::atomic<bool> watched_{false};     // somebody watches, or is about to; written under mutex_
  std::mutex mutex_;
  // All of it under mutex_.
  JobList waiting_;
  JobList done_;
  std::deque<Sleeper> sleepers_;
  Sleeper* spare_ = nullptr;   // nobody's
  Sleeper* called_ = nullptr;  // to be kicked
  Sleeper* idle_ = nullptr;    // a stack: who slept last is the warmest, and the others may end
  std::size_t threads_ = 0;
  std::size_t missing_ = 0;  // of those, to be started
  std::size_t unmet_ = 0;    // calls for threads that have yet to start
  std::size_t coming_ = 0;   // called, and not arrived
  std::size_t leaving_ = 0;  // had no further job, and has not come to wait() yet
  std::uint64_t steps_ = 0;  // jobs begun or done
  Duration untold_{};        // time that was spent on what is done, since the loop was told
  std::uint64_t stuck_ = 0;  // steps_ when kStuck was said
  bool told_ = false;        // it was, and has not collected since
  unsigned eager_ = 0;
  bool stopped_ = false;
  bool dismissed_ = false;
  runtime::ForkLocks fork_locks_{mutex_};
};

}  // namespace data_bridge::pyloop
