// A thread that sends what another has written and does not come to sending.
#include "runtime/late_sender.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <new>
#include <utility>

#include "runtime/thread.hpp"

namespace data_bridge::runtime {
namespace {

// So often it looks at an empty list before it sleeps until it is woken, which is a system call for who wakes it.
constexpr int kEmptyLooks = 20;

}  // namespace

LateSender::Held::~Held() {
  const std::scoped_lock lock(sender_.mutex_);
  if (listed_) sender_.strike(*this);
}

void LateSender::Held::put(Buffer& bytes) {
  if (!sender_.thread_.joinable()) sender_.begin();
  size_ = bytes.size();
  bool wake = false;
  {
    const std::scoped_lock lock(sender_.mutex_);
    std::swap(bytes_, bytes);
    if (since_ == Clock::time_point{}) since_ = Clock::now();
    sender_.enlist(*this);
    wake = std::exchange(sender_.sleeps_, false);
  }
  if (wake) sender_.changed_.notify_one();
}

void LateSender::Held::take_back(Buffer& into) noexcept {
  size_ = 0;
  const std::scoped_lock lock(sender_.mutex_);
  if (listed_) sender_.strike(*this);
  std::swap(bytes_, into);
}

LateSender::~LateSender() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void LateSender::begin() {
  thread_ = start_thread("data_bridge-late", [this] { run(); });
}

void LateSender::enlist(Held& held) noexcept {
  held.listed_ = true;
  held.before_ = nullptr;
  held.behind_ = first_;
  if (first_ != nullptr) first_->before_ = &held;
  first_ = &held;
}

void LateSender::strike(Held& held) noexcept {
  held.listed_ = false;
  (held.before_ == nullptr ? first_ : held.before_->behind_) = held.behind_;
  if (held.behind_ != nullptr) held.behind_->before_ = held.before_;
}

void LateSender::run() noexcept {
  std::unique_lock lock(mutex_);
  int looks = 0;
  while (!ended_) {
    if (first_ != nullptr) {
      looks = 0;
    } else if (++looks > kEmptyLooks) {
      looks = 0;
      sleeps_ = true;
      changed_.wait(lock, [this] { return ended_ || !sleeps_; });
      continue;
    }
    const Clock::time_point now = Clock::now();
    changed_.wait_until(lock, send_due(now), [this] { return ended_; });
  }
}

// What is held is the parent's to send, and the thread is not here: a new one begins where it is needed.
void LateSender::drop_in_child() noexcept {
  while (first_ != nullptr) {
    first_->bytes_.clear();
    first_->since_ = {};
    strike(*first_);
  }
  if (thread_.joinable()) thread_.detach();
  sleeps_ = false;
  new (&changed_) std::condition_variable;  // the one here counts a waiter that is not
}

// Until when nothing is due. What the socket does not take waits on, for the thread that it belongs to: it gets to know
// of a broken connection, too.
LateSender::Clock::time_point LateSender::send_due(Clock::time_point now) noexcept {
  Clock::time_point next = now + kPatience;
  for (Held *held = first_, *behind = nullptr; held != nullptr; held = behind) {
    behind = held->behind_;
    if (held->since_ + kPatience > now) {
      next = std::min(next, held->since_ + kPatience);
      continue;
    }
    const std::string_view bytes = held->bytes_.view();
    const ssize_t sent = send(held->socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) held->bytes_.consume(static_cast<std::size_t>(sent));
    if (!held->bytes_.empty()) continue;
    held->since_ = {};
    strike(*held);
  }
  return next;
}

}  // namespace data_bridge::runtime
