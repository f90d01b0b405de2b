// Reads that take longer than the thread has that asked for them.
#include "storage/sqlite/slow_reads.hpp"

#include <exception>
#include <utility>

namespace data_bridge::storage::sqlite {
namespace {

void refuse(ReadJob& job, Errc code) noexcept { job.finish(std::unexpected(Error{code, {}, {}})); }

}  // namespace

/// A read in the queue of the threads: whatever becomes of it, its job hears of an end.
class SlowReads::Work {
 public:
  Work(SlowReads& reads, std::uint64_t number, std::shared_ptr<ReadJob> job, Read read) noexcept
      : reads_(&reads), number_(number), job_(std::move(job)), read_(std::move(read)) {}
  Work(Work&&) noexcept = default;
  Work& operator=(Work&&) noexcept = default;
  ~Work() {
    if (job_ != nullptr) refuse(*job_, job_->is_wanted() ? Errc::kClosed : Errc::kAbandoned);
  }

  void operator()() noexcept {
    reads_->begun(number_);
    const std::shared_ptr<ReadJob> job = std::move(job_);
    if (!job->is_wanted()) return refuse(*job, Errc::kAbandoned);
    read_(*job);
  }

 private:
  SlowReads* reads_;  // which waits for its threads
  std::uint64_t number_;
  std::shared_ptr<ReadJob> job_;
  Read read_;
};

void SlowReads::begun(std::uint64_t number) noexcept {
  const std::lock_guard lock(mutex_);
  waiting_.erase(number);
}

SlowReads::Places SlowReads::take_unwanted_locked() {
  Places unwanted;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    const auto next = std::next(at);
    const auto job = at->second.job.lock();
    if (job == nullptr || !job->is_wanted()) unwanted.insert(waiting_.extract(at));
    at = next;
  }
  return unwanted;
}

void SlowReads::submit(std::shared_ptr<ReadJob> job, Read read) noexcept {
  Places unwanted;  // ends behind the lock, and with it the jobs
  Errc refusal = Errc::kOverloaded;
  try {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMostWaiting) unwanted = take_unwanted_locked();
    if (closed_) {
      refusal = Errc::kClosed;
    } else if (waiting_.size() < kMostWaiting) {
      if (threads_ == nullptr) threads_ = std::make_unique<runtime::BlockingThreads>();
      const std::uint64_t number = ++last_number_;
      Waiting& place = waiting_[number];
      place.job = job;
      place.place = threads_->submit(Work(*this, number, std::move(job), std::move(read)));
      return;
    }
  } catch (const std::exception&) {  // no thread, no memory: where the work took the job, it has told it
  }
  if (job != nullptr) refuse(*job, refusal);
}

std::size_t SlowReads::waiting() {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

void SlowReads::close() noexcept {
  std::unique_ptr<runtime::BlockingThreads> threads;
  Places waiting;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    threads = std::move(threads_);
    waiting.swap(waiting_);
  }
  waiting.clear();
}

}  // namespace data_bridge::storage::sqlite
