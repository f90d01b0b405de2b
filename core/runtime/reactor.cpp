// epoll, timers, tasks from other threads.
#include "runtime/reactor.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "runtime/file_descriptor.hpp"
#include "runtime/timer_heap.hpp"

namespace data_bridge::runtime {
namespace {

// epoll_event.data carries the fd below and its registration's generation above. No fd is this large.
constexpr std::uint64_t kWakeToken = UINT64_MAX;

// A sleep is cut here, so that no sum of time points overflows; the loop just turns once a day.
constexpr std::chrono::nanoseconds kLongestWait = std::chrono::hours(24);

std::uint64_t token(int fd, std::uint32_t generation) noexcept {
  return (static_cast<std::uint64_t>(generation) << 32) | static_cast<std::uint32_t>(fd);
}

std::error_code last_error() noexcept { return {errno, std::system_category()}; }

// Never early: nanoseconds where the kernel has epoll_pwait2 (5.11), else milliseconds rounded up.
int wait_for_events(int epoll_fd, epoll_event* events, int capacity, std::chrono::nanoseconds timeout) noexcept {
  static std::atomic<bool> has_nanoseconds{true};
  if (timeout.count() == 0) return epoll_wait(epoll_fd, events, capacity, 0);
  if (has_nanoseconds.load(std::memory_order_relaxed)) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
    const timespec spec{static_cast<time_t>(seconds.count()), static_cast<long>((timeout - seconds).count())};
    const int count = epoll_pwait2(epoll_fd, events, capacity, &spec, nullptr);
    if (count >= 0 || errno != ENOSYS) return count;
    has_nanoseconds.store(false, std::memory_order_relaxed);
  }
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(timeout);
  return epoll_wait(epoll_fd, events, capacity, static_cast<int>(milliseconds.count()));
}

}  // namespace

struct Reactor::Impl {
  struct Registration {
    IoHandler* handler = nullptr;
    std::uint32_t generation = 0;
  };

  FileDescriptor epoll_fd;
  FileDescriptor wake_fd;
  std::vector<Registration> registrations;  // by fd
  std::size_t registered = 0;
  std::array<epoll_event, kEventsPerTurn> events{};
  int event_count = 0;
  bool interrupted = false;

  TimerHeap timers;

  std::mutex mutex;
  std::vector<Task> posted;  // under mutex
  bool sleeping = false;     // under mutex: the owner is in epoll_wait, or is about to be
  std::vector<Task> running;

  struct HookList {
    TurnHook* first = nullptr;
    TurnHook* last = nullptr;

    void push(TurnHook& hook) noexcept {
      hook.next_ = nullptr;
      (last != nullptr ? last->next_ : first) = &hook;
      last = &hook;
    }
    TurnHook* pop() noexcept {
      TurnHook* const hook = first;
      if (hook != nullptr) first = std::exchange(hook->next_, nullptr);
      if (first == nullptr) last = nullptr;
      return hook;
    }
    void remove(const TurnHook& hook) noexcept {
      TurnHook* previous = nullptr;
      for (TurnHook** link = &first; *link != nullptr; previous = *link, link = &(*link)->next_) {
        if (*link != &hook) continue;
        *link = hook.next_;
        if (last == &hook) last = previous;
        return;
      }
    }
  };
  HookList requested_hooks;
  HookList running_hooks;  // this turn's, apart from what they request for the next
  std::atomic<bool> stop_requested{false};
  std::unique_ptr<char[]> receive_buffer;

  std::error_code open() noexcept {
    epoll_fd = FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_fd) return last_error();
    wake_fd = FileDescriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_fd) return last_error();
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = kWakeToken;
    return epoll_ctl(epoll_fd.get(), EPOLL_CTL_ADD, wake_fd.get(), &event) == 0 ? std::error_code() : last_error();
  }

  Registration* registration_of(int fd) noexcept {
    if (fd < 0 || static_cast<std::size_t>(fd) >= registrations.size()) return nullptr;
    return &registrations[static_cast<std::size_t>(fd)];
  }

  // Until when nothing is due, at most `timeout`; unless that is now, whoever posts wakes the thread.
  std::chrono::nanoseconds fall_asleep(std::chrono::nanoseconds timeout) noexcept {
    if (requested_hooks.first != nullptr || stop_requested.load(std::memory_order_relaxed)) return {};
    if (timeout.count() > 0 && !timers.empty()) {
      const auto remaining = timers.earliest() - Clock::now();
      timeout = std::clamp<std::chrono::nanoseconds>(remaining, std::chrono::nanoseconds{}, timeout);
    }
    timeout = std::clamp(timeout, std::chrono::nanoseconds{}, kLongestWait);
    if (timeout.count() > 0) {
      const std::lock_guard lock(mutex);
      if (!posted.empty()) return {};
      sleeping = true;
    }
    return timeout;
  }

  void run_events() {
    for (int i = 0; i < event_count; ++i) {
      const epoll_event event = events[static_cast<std::size_t>(i)];
      const auto fd = static_cast<int>(event.data.u64 & UINT32_MAX);
      const Registration* registration = registration_of(fd);
      if (registration == nullptr || registration->handler == nullptr ||
          registration->generation != event.data.u64 >> 32) {
        continue;  // removed by a handler that ran before in this turn
      }
      registration->handler->on_events(event.events);
    }
    event_count = 0;
  }

  void run_posted() {
    {
      const std::lock_guard lock(mutex);
      if (posted.empty()) return;
      running.swap(posted);
    }
    for (Task& task : running) task();
    running.clear();
  }
};

Reactor::Reactor() : impl_(std::make_unique<Impl>()) {
  if (const std::error_code error = impl_->open()) throw std::system_error(error, "epoll");
}

Reactor::~Reactor() = default;

std::error_code Reactor::reopen() noexcept {
  for (Impl::Registration& registration : impl_->registrations) {
    if (std::exchange(registration.handler, nullptr) != nullptr) ++registration.generation;
  }
  impl_->registered = 0;
  impl_->event_count = 0;
  // A thread that the child does not have may have held it.
  std::construct_at(&impl_->mutex);
  impl_->sleeping = false;
  return impl_->open();
}

std::error_code Reactor::add(int fd, std::uint32_t interest, IoHandler& handler) {
  if (fd < 0) return std::make_error_code(std::errc::bad_file_descriptor);
  const auto index = static_cast<std::size_t>(fd);
  if (index >= impl_->registrations.size()) impl_->registrations.resize(std::max(index + 1, std::size_t{64}));
  Impl::Registration& registration = impl_->registrations[index];
  epoll_event event{};
  event.events = interest;
  event.data.u64 = token(fd, registration.generation + 1);
  if (epoll_ctl(impl_->epoll_fd.get(), EPOLL_CTL_ADD, fd, &event) != 0) return last_error();
  // An fd that was closed without remove() left its registration behind.
  if (registration.handler == nullptr) ++impl_->registered;
  ++registration.generation;
  registration.handler = &handler;
  return {};
}

std::error_code Reactor::modify(int fd, std::uint32_t interest) {
  const Impl::Registration* registration = impl_->registration_of(fd);
  if (registration == nullptr || registration->handler == nullptr) {
    return std::make_error_code(std::errc::no_such_file_or_directory);
  }
  epoll_event event{};
  event.events = interest;
  event.data.u64 = token(fd, registration->generation);
  if (epoll_ctl(impl_->epoll_fd.get(), EPOLL_CTL_MOD, fd, &event) != 0) return last_error();
  return {};
}

void Reactor::remove(int fd) noexcept {
  Impl::Registration* registration = impl_->registration_of(fd);
  if (registration == nullptr || registration->handler == nullptr) return;
  registration->handler = nullptr;
  ++registration->generation;
  --impl_->registered;
  epoll_event ignored{};
  epoll_ctl(impl_->epoll_fd.get(), EPOLL_CTL_DEL, fd, &ignored);
}

TimerId Reactor::schedule_at(Clock::time_point when, Task task) { return impl_->timers.add(when, std::move(task)); }

bool Reactor::cancel(TimerId timer) noexcept { return impl_->timers.cancel(timer); }

void Reactor::post(Task task) {
  bool must_wake = false;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->posted.push_back(std::move(task));
    must_wake = std::exchange(impl_->sleeping, false);
  }
  if (must_wake) wake();
}

void Reactor::wake() noexcept {
  const int saved = errno;  // a signal handler must leave it as it was
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(impl_->wake_fd.get(), &one, sizeof one);
  errno = saved;
}

void Reactor::at_turn_end(TurnHook& hook) noexcept {
  if (std::exchange(hook.requested_, true)) return;
  impl_->requested_hooks.push(hook);
}

void Reactor::forget(TurnHook& hook) noexcept {
  if (!std::exchange(hook.requested_, false)) return;
  impl_->requested_hooks.remove(hook);
  impl_->running_hooks.remove(hook);
}

std::size_t Reactor::wait(std::chrono::nanoseconds timeout) noexcept {
  timeout = impl_->fall_asleep(timeout);
  const int count =
      wait_for_events(impl_->epoll_fd.get(), impl_->events.data(), static_cast<int>(impl_->events.size()), timeout);
  impl_->interrupted = count < 0 && errno == EINTR;
  if (timeout.count() > 0) {
    const std::lock_guard lock(impl_->mutex);
    impl_->sleeping = false;
  }
  impl_->event_count = std::max(count, 0);
  for (int i = 0; i < impl_->event_count; ++i) {
    epoll_event& event = impl_->events[static_cast<std::size_t>(i)];
    if (event.data.u64 != kWakeToken) continue;
    event = impl_->events[static_cast<std::size_t>(--impl_->event_count)];  // edge-triggered: needs no read(2)
    break;
  }
  return static_cast<std::size_t>(impl_->event_count);
}

int Reactor::fd() const noexcept { return impl_->epoll_fd.get(); }

std::chrono::nanoseconds Reactor::begin_waiting() noexcept { return impl_->fall_asleep(kForever); }

bool Reactor::interrupted() const noexcept { return impl_->interrupted; }

std::size_t Reactor::size() const noexcept { return impl_->registered; }

void Reactor::dispatch() {
  impl_->run_events();
  impl_->run_posted();
  if (!impl_->timers.empty()) impl_->timers.run_due(Clock::now());
}

void Reactor::finish_turn() noexcept {
  impl_->running_hooks = std::exchange(impl_->requested_hooks, {});
  while (TurnHook* hook = impl_->running_hooks.pop()) {
    hook->requested_ = false;
    hook->on_turn_end();
  }
}

void Reactor::run() {
  while (!impl_->stop_requested.load(std::memory_order_acquire)) {
    wait(kForever);
    dispatch();
    finish_turn();
  }
  impl_->stop_requested.store(false, std::memory_order_relaxed);
}

void Reactor::stop() noexcept {
  impl_->stop_requested.store(true, std::memory_order_release);
  wake();
}

std::span<char> Reactor::receive_buffer() noexcept {
  if (!impl_->receive_buffer) {
    // Not zeroed: pages that no request reaches cost nothing. The padding is, for valgrind's and MSan's peace.
    impl_->receive_buffer = std::make_unique_for_overwrite<char[]>(kReceiveSize + kReceivePadding);
    std::fill_n(impl_->receive_buffer.get() + kReceiveSize, kReceivePadding, '\0');
  }
  return {impl_->receive_buffer.get(), kReceiveSize};
}

}  // namespace data_bridge::runtime
