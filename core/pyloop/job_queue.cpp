// Which thread takes the next job, and who is called for it.
#include "pyloop/job_queue.hpp"

#include <utility>

namespace data_bridge::pyloop {

void JobList::push(QueuedJob& job) noexcept {
  job.next_job = nullptr;
  (tail_ == nullptr ? head_ : tail_->next_job) = &job;
  tail_ = &job;
  ++size_;
}

QueuedJob* JobList::pop() noexcept {
  QueuedJob* const job = head_;
  if (job == nullptr) return nullptr;
  head_ = std::exchange(job->next_job, nullptr);
  if (head_ == nullptr) tail_ = nullptr;
  --size_;
  return job;
}

bool JobList::take_last(const QueuedJob& job) noexcept {
  if (tail_ != &job) return false;
  QueuedJob* before = nullptr;
  for (QueuedJob* at = head_; at != &job; at = at->next_job) before = at;
  (before == nullptr ? head_ : before->next_job) = nullptr;
  tail_ = before;
  --size_;
  return true;
}

// --- the loop's -------------------------------------------------------------------------------------------

void JobQueue::call() noexcept {
  ++coming_;
  if (Sleeper* const top = idle_) {
    idle_ = top->below;
    top->below = called_;
    called_ = top;
    has_called_.store(true, std::memory_order_relaxed);
  } else {
    ++threads_;
    ++missing_;
    ++unmet_;
  }
}

void JobQueue::call_for_all() noexcept {
  while (near() < waiting_.size()) call();
}

/// Whoever has begun a job may be blocked by it: then the others need somebody who sees that.
void JobQueue::guard() noexcept {
  if (waiting_.empty() || near() > 0 || watched_.exchange(true, std::memory_order_relaxed)) return;
  if (Sleeper* const top = idle_) {
    idle_ = top->below;
    top->woken = Sleeper::For::kWatch;
    top->condition.notify_one();
  } else {
    ++threads_;
    ++missing_;
  }
}

void JobQueue::kick(std::unique_lock<std::mutex>& lock) noexcept {
  has_called_.store(false, std::memory_order_relaxed);
  while (Sleeper* const sleeper = called_) {
    called_ = sleeper->below;
    sleeper->woken = Sleeper::For::kJob;
    lock.unlock();
    sleeper->condition.notify_one();
    lock.lock();
  }
}

void JobQueue::push(QueuedJob& job) noexcept {
  const std::scoped_lock lock(mutex_);
  waiting_.push(job);
  if (near() == 0 || (eager_ > 0 && near() < waiting_.size())) call();
}

std::size_t JobQueue::missing_threads() noexcept {
  const std::scoped_lock lock(mutex_);
  return std::exchange(missing_, 0);
}

bool JobQueue::start_failed(QueuedJob* job) noexcept {
  const std::scoped_lock lock(mutex_);
  --threads_;
  if (unmet_ > 0) {
    --unmet_;
    --coming_;
  } else {
    watched_.store(false, std::memory_order_relaxed);
  }
  return job != nullptr && threads_ == 0 && waiting_.take_last(*job);
}

void JobQueue::kick() noexcept {
  std::unique_lock lock(mutex_);
  kick(lock);
}

JobList JobQueue::collect() noexcept {
  const std::scoped_lock lock(mutex_);
  told_ = false;
  return std::exchange(done_, {});
}

void JobQueue::rouse_all(std::unique_lock<std::mutex>& lock) noexcept {
  while (idle_ != nullptr) call();
  kick(lock);
}

JobQueue::Rest JobQueue::stop() noexcept {
  std::unique_lock lock(mutex_);
  stopped_ = true;
  rouse_all(lock);
  return {.waiting = std::exchange(waiting_, {}), .done = std::exchange(done_, {})};
}

void JobQueue::dismiss() noexcept {
  std::unique_lock lock(mutex_);
  dismissed_ = true;
  rouse_all(lock);
}

std::size_t JobQueue::threads() noexcept {
  const std::scoped_lock lock(mutex_);
  return threads_;
}

// --- a thread's -------------------------------------------------------------------------------------------

bool JobQueue::remove(Sleeper*& list, const Sleeper& sleeper) noexcept {
  for (Sleeper** link = &list; *link != nullptr; link = &(*link)->below) {
    if (*link != &sleeper) continue;
    *link = sleeper.below;
    return true;
  }
  return false;
}

/// Until it is woken, for as long as there are jobs now and then, and sees to it that they go on.
JobQueue::Wake JobQueue::watch(std::unique_lock<std::mutex>& lock, Sleeper& self) {
  std::uint64_t seen = steps_;
  for (unsigned calm = 0; calm < kCalm;) {
    if (self.condition.wait_for(lock, patience_, [&] { return self.woken != Sleeper::For::kNothing; })) break;
    if (called_ != nullptr) {  // the loop does not come to it
      kick(lock);
      continue;
    }
    if (std::exchange(seen, steps_) != steps_) {
      calm = 0;
      continue;
    }
    const bool stuck = !waiting_.empty() && near() == 0;
    const bool untold = !done_.empty() && !told_;
    if ((stuck || untold) && remove(idle_, self)) {
      if (!stuck) {
        told_ = true;
        return Wake::kTell;
      }
      ++coming_;
      stuck_ = steps_;
      return Wake::kStuck;
    }
    if (waiting_.empty()) ++calm;
  }
  return self.woken == Sleeper::For::kJob ? Wake::kCalled : Wake::kEnd;
}

JobQueue::Wake JobQueue::sleep(std::unique_lock<std::mutex>& lock, Sleeper& self) {
  self.below = std::exchange(idle_, &self);
  for (bool to_watch = !watched_.exchange(true, std::memory_order_relaxed);;) {
    if (to_watch) {
      const Wake wake = watch(lock, self);
      watched_.store(false, std::memory_order_relaxed);
      if (wake != Wake::kEnd) return wake;
    }
    const bool woken = self.condition.wait_for(lock, max_idle_, [&] { return self.woken != Sleeper::For::kNothing; });
    to_watch = std::exchange(self.woken, Sleeper::For::kNothing) == Sleeper::For::kWatch;
    if (to_watch) {
      if (stopped_ || dismissed_) {  // it was on no list when the others were roused
        watched_.store(false, std::memory_order_relaxed);
        return Wake::kEnd;
      }
      self.below = std::exchange(idle_, &self);
      continue;
    }
    // Who was called is as good as woken.
    if (woken || remove(called_, self)) return Wake::kCalled;
    remove(idle_, self);
    return Wake::kEnd;
  }
}

JobQueue::Wake JobQueue::wait(From from) noexcept {
  std::unique_lock lock(mutex_);
  if (from == From::kJobs) {
    --leaving_;
    if (coming_ < waiting_.size() && (coming_ == 0 || eager_ > 0)) {  // pushed since
      ++coming_;
      return Wake::kCalled;
    }
  }
  Wake wake = Wake::kEnd;
  if (from == From::kStart && unmet_ > 0) {
    --unmet_;
    wake = Wake::kCalled;
  } else if (!stopped_ && !dismissed_) {
    if (from == From::kStart) watched_.store(false, std::memory_order_relaxed);  // it is here to watch
    if (spare_ == nullptr) spare_ = &sleepers_.emplace_back();
    Sleeper& self = *std::exchange(spare_, spare_->below);
    self.woken = Sleeper::For::kNothing;
    wake = sleep(lock, self);
    self.below = std::exchange(spare_, &self);
  }
  if (wake == Wake::kEnd) --threads_;
  return wake;
}

JobQueue::Next JobQueue::give(QueuedJob* job) noexcept {
  if (job != nullptr) {
    ++steps_;
    guard();
  } else {
    ++leaving_;
  }
  return {.job = job, .missing = missing_ > 0};
}

JobQueue::Next JobQueue::arrive(Cause cause) noexcept {
  std::unique_lock lock(mutex_);
  --coming_;
  if (cause == Cause::kContested && (stopped_ || steps_ != stuck_ || waiting_.empty())) return {};  // watches on
  if (stopped_) return give(nullptr);
  QueuedJob* const job = waiting_.pop();
  if (cause == Cause::kBlocked) {
    eager_ = kEager;  // the others that wait may be of the same kind
    call_for_all();
    kick(lock);
  }
  return give(job);
}

JobQueue::Next JobQueue::next(QueuedJob& done, Duration duration) noexcept {
  const std::scoped_lock lock(mutex_);
  if (stopped_) {
    Next over = give(nullptr);
    over.refused = true;
    return over;
  }
  ++steps_;
  if (eager_ > 0) eager_ = duration > patience_ ? kEager : eager_ - 1;
  done_.push(done);
  untold_ += duration;
  Next next = give(waiting_.pop());
  next.tell = !told_ && (next.job == nullptr || eager_ > 0 || untold_ >= kTell);
  if (next.tell) {
    told_ = true;
    untold_ = {};
  }
  return next;
}

}  // namespace data_bridge::pyloop
